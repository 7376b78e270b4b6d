"""Full fine-tuning by cn_clip's own program, ``cn_clip/training/main.py``, which needs CUDA and NCCL.

``checkpoints`` and ``machine`` alone import torch.
"""
