"""Makes the model know this family: evaluation, data sets out and in, and fine-tuning. The command is ``soutu-tune``."""
