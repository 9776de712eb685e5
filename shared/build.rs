//! A new migration must reach the binary: sqlx embeds the folder, and cargo does not see files that were not there before.

fn main() {
    println!("cargo:rerun-if-changed=../migrations");
}
