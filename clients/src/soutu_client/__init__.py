"""Python SDK of soutu 搜图, private photo search for a home.

Example:
    Add a folder and find a photo in it::

        from soutu_client import Client

        with Client() as client:
            client.add("旅行")
            for hit in client.search("雪地里的狗").hits:
                print(hit.photo.name)
"""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from soutu_client._errors import (
        BusyError,
        CallCancelledError,
        CallTimeoutError,
        DataLossError,
        FileChangedError,
        InternalError,
        InvalidInputError,
        NotAllowedError,
        NotAuthenticatedError,
        NotFoundError,
        NotReadyError,
        NotSupportedError,
        NotTrustedError,
        SoutuError,
        UnavailableError,
    )
    from soutu_client._feedback import (
        Feedback,
    )
    from soutu_client._language import (
        Language,
    )
    from soutu_client._original import (
        OriginalStream,
    )
    from soutu_client.access_models import (
        Access,
        FolderAccess,
        NewToken,
        Scope,
        Token,
        TokenPage,
    )
    from soutu_client.add_models import (
        AddedFile,
        AddProgress,
        AddResult,
        FileProblem,
        KnownFile,
        ReadyProgress,
        ReadyResult,
    )
    from soutu_client.client import (
        Client,
    )
    from soutu_client.feedback_models import (
        Deed,
        FeedbackRecord,
        FeedbackStatus,
        Use,
    )
    from soutu_client.library_models import (
        Backup,
        CameraCount,
        CheckFinding,
        DuplicateGroup,
        DuplicatePage,
        EmbedderStatus,
        EmbeddingBatch,
        FolderCount,
        FormatCount,
        ImportResult,
        IndexStatus,
        Job,
        JobKind,
        JobPage,
        JobState,
        LabelCount,
        LibraryStatus,
        LibrarySummary,
        MonthCount,
        PhotoEmbedding,
        ReasonCount,
        SourceStatus,
        SpaceStatus,
    )
    from soutu_client.models import (
        Annotations,
        BoundingBox,
        Filter,
        FoundContent,
        Hit,
        ImageTerm,
        Location,
        MatchField,
        Notice,
        NoticeReason,
        Photo,
        PhotoKind,
        PhotoName,
        PhotoPage,
        PhotoPart,
        PhotoState,
        PhotoTerm,
        SearchPage,
        Taken,
        TakenOrigin,
        Term,
        TextTerm,
        Thumbnail,
        Unreadable,
        UnreadableReason,
        Upload,
        WordMatch,
    )
    from soutu_client.move_models import (
        Layout,
        MoveInPlan,
        MoveInResult,
    )

# By itself gRPC asks DNS servers alone: names in .local, which the system finds by mDNS, would be unknown to it. It reads
# this once, when it is first imported.
os.environ.setdefault("GRPC_DNS_RESOLVER", "native")

__all__ = [
    "Access",
    "AddProgress",
    "AddResult",
    "AddedFile",
    "Annotations",
    "Backup",
    "BoundingBox",
    "BusyError",
    "CallCancelledError",
    "CallTimeoutError",
    "CameraCount",
    "CheckFinding",
    "Client",
    "DataLossError",
    "Deed",
    "DuplicateGroup",
    "DuplicatePage",
    "EmbedderStatus",
    "EmbeddingBatch",
    "Feedback",
    "FeedbackRecord",
    "FeedbackStatus",
    "FileChangedError",
    "FileProblem",
    "Filter",
    "FolderAccess",
    "FolderCount",
    "FormatCount",
    "FoundContent",
    "Hit",
    "ImageTerm",
    "ImportResult",
    "IndexStatus",
    "InternalError",
    "InvalidInputError",
    "Job",
    "JobKind",
    "JobPage",
    "JobState",
    "KnownFile",
    "LabelCount",
    "Language",
    "Layout",
    "LibraryStatus",
    "LibrarySummary",
    "Location",
    "MatchField",
    "MonthCount",
    "MoveInPlan",
    "MoveInResult",
    "NewToken",
    "NotAllowedError",
    "NotAuthenticatedError",
    "NotFoundError",
    "NotReadyError",
    "NotSupportedError",
    "NotTrustedError",
    "Notice",
    "NoticeReason",
    "OriginalStream",
    "Photo",
    "PhotoEmbedding",
    "PhotoKind",
    "PhotoName",
    "PhotoPage",
    "PhotoPart",
    "PhotoState",
    "PhotoTerm",
    "ReadyProgress",
    "ReadyResult",
    "ReasonCount",
    "Scope",
    "SearchPage",
    "SourceStatus",
    "SoutuError",
    "SpaceStatus",
    "Taken",
    "TakenOrigin",
    "Term",
    "TextTerm",
    "Thumbnail",
    "Token",
    "TokenPage",
    "UnavailableError",
    "Unreadable",
    "UnreadableReason",
    "Upload",
    "Use",
    "WordMatch",
]

_HOMES = {
    "soutu_client._errors": (
        "BusyError",
        "CallCancelledError",
        "CallTimeoutError",
        "DataLossError",
        "FileChangedError",
        "InternalError",
        "InvalidInputError",
        "NotAllowedError",
        "NotAuthenticatedError",
        "NotFoundError",
        "NotReadyError",
        "NotSupportedError",
        "NotTrustedError",
        "SoutuError",
        "UnavailableError",
    ),
    "soutu_client._language": ("Language",),
    "soutu_client._original": ("OriginalStream",),
    "soutu_client.access_models": (
        "Access",
        "FolderAccess",
        "NewToken",
        "Scope",
        "Token",
        "TokenPage",
    ),
    "soutu_client.add_models": (
        "AddedFile",
        "AddProgress",
        "AddResult",
        "FileProblem",
        "KnownFile",
        "ReadyProgress",
        "ReadyResult",
    ),
    "soutu_client.client": ("Client",),
    "soutu_client._feedback": ("Feedback",),
    "soutu_client.feedback_models": ("Deed", "FeedbackRecord", "FeedbackStatus", "Use"),
    "soutu_client.library_models": (
        "Backup",
        "CameraCount",
        "CheckFinding",
        "DuplicateGroup",
        "DuplicatePage",
        "EmbedderStatus",
        "EmbeddingBatch",
        "FolderCount",
        "FormatCount",
        "ImportResult",
        "IndexStatus",
        "Job",
        "JobKind",
        "JobPage",
        "JobState",
        "LabelCount",
        "LibraryStatus",
        "LibrarySummary",
        "MonthCount",
        "PhotoEmbedding",
        "ReasonCount",
        "SourceStatus",
        "SpaceStatus",
    ),
    "soutu_client.models": (
        "Annotations",
        "BoundingBox",
        "Filter",
        "FoundContent",
        "Hit",
        "ImageTerm",
        "Location",
        "MatchField",
        "Notice",
        "NoticeReason",
        "Photo",
        "PhotoKind",
        "PhotoName",
        "PhotoPage",
        "PhotoPart",
        "PhotoState",
        "PhotoTerm",
        "SearchPage",
        "Taken",
        "TakenOrigin",
        "Term",
        "TextTerm",
        "Thumbnail",
        "Unreadable",
        "UnreadableReason",
        "Upload",
        "WordMatch",
    ),
    "soutu_client.move_models": (
        "Layout",
        "MoveInPlan",
        "MoveInResult",
    ),
}
"""What is where. A module is loaded when something of it is first asked for: gRPC and the many classes of values take most of the
time and memory, and a program that only searches needs few of them."""


def __getattr__(name: str) -> object:
    """Load what is asked for."""
    for module, names in _HOMES.items():
        if name in names:
            value = globals()[name] = getattr(importlib.import_module(module), name)
            return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """List what there is, loaded or not."""
    return sorted({*globals(), *__all__})
