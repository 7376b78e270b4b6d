"""The embedded default model: no download, no torch (ConSE, Norouzi et al. 2013, arXiv:1312.5650).

An image classifier says which of 1,000 classes a photo may show, a sentence encoder says what their Chinese names mean, and a
photo lies at the convex combination of those meanings; a query is a sentence in the same space. See ``encoder.py``.

``classes.zh.txt`` names the classes, ``contexts.zh.txt`` tells what else is in such photos, ``sentences.zh.txt`` holds everyday
queries; all three are written for this project, and none comes from anybody's captions. ``make_concepts.py`` turns them into
``concepts.npz``, ``make_image_onnx.py`` makes ``image.onnx``. After a change of any of them run its script; the space changes
with it.
"""
