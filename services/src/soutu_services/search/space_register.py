"""Whether what an embedding service offers belongs to the library."""

from __future__ import annotations

from soutu_services.search.catalog import Catalog
from soutu_services.search.embedding_errors import DimensionDiffers
from soutu_services.search.embedding_model import EmbeddingModel

__all__ = ["SpaceRegister"]


class SpaceRegister:
    """Compares the models of a service with the spaces that the catalog knows. Thread safe."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def register(self, models: tuple[EmbeddingModel, ...]) -> tuple[EmbeddingModel, ...]:
        """Give an empty library its space, and take over what the models of its spaces are called.

        Raises:
            FailedPrecondition: the library's space has another dimension there.
        """
        embeddings = self._catalog.embeddings
        usable = self.comparable(models)
        known = {space.space_id for space in embeddings.spaces()}
        first = next((model for model in usable if model.has_images), None)
        if first is not None and embeddings.serving_space() is None:
            known.add(first.space_id)
        for model in usable:
            if model.space_id in known:
                embeddings.register_space(model.space_id, model=model.name, variant=model.variant, dimension=model.dimension)
        return usable

    def comparable(self, models: tuple[EmbeddingModel, ...]) -> tuple[EmbeddingModel, ...]:
        """Leave out models whose vectors have another length than those of their space in the library.

        Raises:
            FailedPrecondition: the space that serves is among them.
        """
        dimensions = {space.space_id: space.dimension for space in self._catalog.embeddings.spaces()}
        serving = self._catalog.embeddings.serving_space()
        usable = tuple(model for model in models if dimensions.get(model.space_id, model.dimension) == model.dimension)
        if serving is not None and serving.space_id in {model.space_id for model in models if model not in usable}:
            raise DimensionDiffers
        return usable
