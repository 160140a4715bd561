"""An emulator of both vendors for the checks: its own reading of their documents, sharing nothing with the program."""
