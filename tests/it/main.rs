//! The program as a whole, run as a person or a script runs it.

mod command_line;
mod verify;
