"""Chinese-CLIP (Yang et al. 2022, arXiv:2211.01335): the official models and checkpoints fine-tuned from them.

``torch_model`` alone imports torch and cn_clip. The rest (architectures, tokens, preprocessing) is also what an exported bundle
runs on, and needs neither.
"""
