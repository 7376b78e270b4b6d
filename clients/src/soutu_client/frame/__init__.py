"""``soutu-frame``: a photo frame for a Raspberry Pi, or any screen. Needs the extra ``pi``."""
