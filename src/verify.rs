//! The lake against its laws, and against the sources; and putting right what is wrong.

mod check;
mod columns;
mod files;
mod finding;
mod invariant;
mod remembered;
mod rows;
