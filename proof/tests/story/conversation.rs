//! The conversation that `make up` prints, held by the program itself against this house.

use crate::house::{House, PATIENCE};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_conversation_of_make_up_remembers_follows_an_edit_reads_a_file_and_stops() {
    let house = House::open().await;
    house.start_orchestrator();
    let demo = house.tenant("demo").await;
    let story = house.konstruct(&["chat", "--story", "--tenant", &demo.id.to_string()]).output();
    let output = tokio::time::timeout(PATIENCE * 2, story).await.expect("it ends in time").expect("it starts");
    let (told, complaint) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{complaint}\n{told}");
    for part in [
        "14 March",
        "21 March",
        "[menu.txt]",
        "pumpkin",
        "Linus pressed Stop",
        "first words after",
        "simulated-2: ok)",
        "budget for my answers is used up",
        "(waiting esc_",
        "(left out: ",
    ] {
        assert!(told.contains(part), "{part} is not in\n{told}");
    }
}
