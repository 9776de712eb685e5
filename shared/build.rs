//! A new migration must reach the binary: sqlx embeds the folder, and cargo does not see files that were not there before.

#![expect(clippy::print_stdout, reason = "a build script speaks to cargo on standard output")]

fn main() {
    println!("cargo:rerun-if-changed=../migrations");
}
