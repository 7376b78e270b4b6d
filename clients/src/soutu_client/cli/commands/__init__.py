"""The commands, one module each: ``build`` makes it in a language, so that its help is in that language too."""
