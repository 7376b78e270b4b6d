"""Low-rank fine-tuning (LoRA, Hu et al. 2021, arXiv:2106.09685) of both towers of a Chinese-CLIP model.

``network`` and ``attention`` alone import torch and peft.
"""
