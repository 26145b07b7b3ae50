//! OTTL, the language of conditions and statements that `filter`, `transform` and `tail_sampling` read.

mod wrong;
mod lexer;
mod syntax;
mod parser;
