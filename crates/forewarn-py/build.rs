//! On macOS a Python module leaves the interpreter's symbols to the interpreter that loads it, and the linker must be told.
#![expect(clippy::disallowed_methods, reason = "cargo tells build scripts of the target by variables")]

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("macos") {
        println!("cargo:rustc-cdylib-link-arg=-undefined");
        println!("cargo:rustc-cdylib-link-arg=dynamic_lookup");
    }
}
