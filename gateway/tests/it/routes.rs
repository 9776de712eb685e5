//! The table of who may do what (`routes.txt`), compared with the API's description and tried on the running gateway.

use std::collections::BTreeSet;

use crate::{
    openapi::described,
    routes_scene::Scene,
    stage::House,
    wire::{Ask, Reply},
};

const TABLE: &str = include_str!("routes.txt");
const WHO: [&str; 7] = ["stranger", "reader", "operator", "admin", "key", "platform", "helper"];

pub struct Line {
    pub operation: String,
    pub object: &'static str,
    body: &'static str,
    expected: [u16; 7],
}

pub fn table() -> Vec<Line> {
    let lines = TABLE.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
    lines
        .map(|line| {
            let words: Vec<&'static str> = line.split_whitespace().collect();
            let [method, path, object, body, statuses @ ..] = words.as_slice() else { panic!("{line}") };
            let expected: Vec<u16> = statuses.iter().map(|status| status.parse().expect(line)).collect();
            let expected = expected.try_into().expect(line);
            Line { operation: format!("{method} {path}"), object, body, expected }
        })
        .collect()
}

#[test]
fn attack_73_every_operation_is_declared_and_every_declaration_is_an_operation() {
    let described: BTreeSet<String> =
        described().iter().map(|(method, path)| format!("{method} {path}")).collect();
    let table = table();
    let declared: BTreeSet<String> = table.iter().map(|line| line.operation.clone()).collect();
    assert_eq!(declared, described, "routes.txt declares each operation of the API, and no other");
    for operation in &declared {
        let lines = table.iter().filter(|line| line.operation == *operation);
        let objects: Vec<&str> = lines.map(|line| line.object).collect();
        let expected = if operation.contains('{') { vec!["own", "foreign", "missing"] } else { vec!["-"] };
        assert_eq!(objects, expected, "{operation}");
    }
}

#[tokio::test]
async fn attack_73_every_operation_answers_a_stranger_as_declared() {
    answers_as_declared("stranger").await;
}

#[tokio::test]
async fn attack_73_every_operation_answers_a_reader_as_declared() {
    answers_as_declared("reader").await;
}

#[tokio::test]
async fn attack_73_every_operation_answers_an_operator_as_declared() {
    answers_as_declared("operator").await;
}

#[tokio::test]
async fn attack_73_every_operation_answers_an_admin_as_declared() {
    answers_as_declared("admin").await;
}

#[tokio::test]
async fn attack_73_every_operation_answers_a_program_with_a_key_as_declared() {
    answers_as_declared("key").await;
}

#[tokio::test]
async fn attack_73_every_operation_answers_the_platform_as_declared() {
    answers_as_declared("platform").await;
}

#[tokio::test]
async fn attack_73_every_operation_answers_who_helps_as_declared() {
    answers_as_declared("helper").await;
}

async fn answers_as_declared(who: &'static str) {
    let column = WHO.iter().position(|known| *known == who).expect("a column of the table");
    let house = House::open().await;
    let mut scene = Scene::set(&house, who).await;
    let mut wrong = Vec::new();
    for line in table() {
        let (reply, expected) = (answer(&mut scene, &line, who).await, line.expected[column]);
        if reply.status != expected {
            let (operation, object, status) = (&line.operation, line.object, reply.status);
            wrong.push(format!("{operation} {object} as {who}: {status} instead of {expected}"));
        }
        let made = ["own", "foreign"].contains(&line.object);
        if made || reply.status < 400 && !line.operation.starts_with("get ") {
            scene = Scene::set(&house, who).await;
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

pub async fn answer(scene: &mut Scene<'_>, line: &Line, who: &'static str) -> Reply {
    answer_with(scene, line, who, None).await
}

/// With an `Idempotency-Key`, if there is one.
pub async fn answer_with(scene: &mut Scene<'_>, line: &Line, who: &'static str, key: Option<&str>) -> Reply {
    let (method, path) = line.operation.split_once(' ').expect("a method and a path");
    let path = match path {
        path if path.contains("{run_id}") => scene.path_of_run(path, line.object).await,
        path if path.contains("{note_id}") => scene.path_of_note(path, line.object).await,
        path => path.to_owned(),
    };
    let path = match path.split_once('{').and_then(|(_, rest)| rest.split_once('}')) {
        Some((parameter, _)) => {
            path.replace(&format!("{{{parameter}}}"), &scene.object(who, parameter, line.object).await)
        }
        None => path,
    };
    let known = ["GET", "POST", "PUT", "PATCH", "DELETE"];
    let method = known.into_iter().find(|known| known.eq_ignore_ascii_case(method)).expect("a method");
    let mut ask = Ask::new(method, &path);
    if line.body != "-" {
        let mut body = line.body.to_owned();
        if body.contains("{member}") {
            body = body.replace("{member}", &scene.object(who, "user_id", "own").await);
        }
        ask = ask.header("content-type", "application/json").body(body);
    }
    if let Some(key) = key {
        ask = ask.header("idempotency-key", key);
    }
    let reply = scene.ask(who, ask).await;
    // Whoever the object belongs to: a refusal says the same.
    if reply.status == 404 && line.object != "-" {
        assert_eq!(reply.problem(), "not_found");
        assert!(!reply.text().contains(&scene.bolt.to_string()));
    }
    reply
}

#[tokio::test]
async fn attacks_63_and_77_and_81_another_tenants_object_is_like_none() {
    let house = House::open().await;
    let table = table();
    let with_ids = table.iter().filter(|line| line.object == "foreign");
    for foreign in with_ids {
        let missing = table.iter().find(|line| line.operation == foreign.operation && line.object == "missing");
        for who in ["admin", "key"] {
            let missing = missing.expect("declared");
            let (a, b) = (
                answer(&mut Scene::set(&house, who).await, foreign, who).await,
                answer(&mut Scene::set(&house, who).await, missing, who).await,
            );
            assert_eq!((a.status, &a.body), (b.status, &b.body), "{} as {who}", foreign.operation);
            let lengths = (a.header("content-length"), b.header("content-length"));
            assert_eq!(lengths.0, lengths.1, "{} as {who}", foreign.operation);
        }
    }
}
