//! The program as a whole, run as a person or a script runs it, and the rules that its sources keep.

mod command_line;
mod schemas;
mod shows;
mod tidy;
mod verify;
