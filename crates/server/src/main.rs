//! The binary `grantor`. Everything it does stands in the library.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    grantor_server::cli::main(std::env::args_os())
}
