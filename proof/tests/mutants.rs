//! Mistakes are planted on purpose, and every one must be noticed. The score is printed with who noticed.
//!
//! A survivor is a hole in the checks: mend those, or the product, never this test.

use std::{
    fs,
    path::{Path, PathBuf},
};

use proof::{
    chaos::postgres::Postgres,
    isolation::mutants::{
        Laboratory, Mutant, Score, Verdict, database,
        product::{Stage, doors, honestly, system_without_conditions},
        roles, tables,
    },
};
use regex::Regex;
use secrecy::SecretString;
use shared::db::Db;

#[tokio::test]
async fn every_mistake_planted_in_the_database_is_noticed() {
    all_noticed(Laboratory::new().await.unwrap(), database::all(), 40).await;
}

#[tokio::test]
async fn every_mistake_planted_in_a_table_of_the_first_half_is_noticed() {
    let laboratory = Laboratory::new().await.unwrap();
    let mut mutants = tables::all(laboratory.catalog()).unwrap();
    mutants.truncate(mutants.len() / 2);
    all_noticed(laboratory, mutants, 400).await;
}

#[tokio::test]
async fn every_mistake_planted_in_a_table_of_the_second_half_is_noticed() {
    let laboratory = Laboratory::new().await.unwrap();
    let mut mutants = tables::all(laboratory.catalog()).unwrap();
    let mutants = mutants.split_off(mutants.len() / 2);
    all_noticed(laboratory, mutants, 400).await;
}

#[tokio::test]
async fn every_mistake_planted_in_the_product_is_noticed() {
    let stage = Stage::new().await.unwrap();
    let mut score = Score { verdicts: stage.without_conditions().await.unwrap() };
    score.verdicts.extend(system_without_conditions().await.unwrap().0);
    for (name, edit) in doors() {
        score.verdicts.push(stage.with_door(name, edit).await.unwrap());
    }
    noticed(&score, 100);
}

#[tokio::test]
async fn every_mistake_planted_in_a_role_is_noticed() {
    noticed(&Score { verdicts: mistakes_in_roles().await.unwrap() }, 5);
}

async fn all_noticed(mut laboratory: Laboratory, mutants: Vec<Mutant>, at_least: usize) {
    let everywhere: Vec<String> = laboratory.catalog().tables.iter().map(|table| table.name.clone()).collect();
    // Otherwise every mutant would count as killed.
    assert_eq!(laboratory.findings(&everywhere, true).await.expect("it is looked at"), []);
    let mut score = Score::default();
    for mutant in &mutants {
        score.verdicts.push(laboratory.judge(mutant).await.expect("it is planted"));
    }
    assert_eq!(
        laboratory.findings(&everywhere, true).await.expect("it is looked at"),
        [],
        "all of them were undone"
    );
    noticed(&score, at_least);
}

fn noticed(score: &Score, at_least: usize) {
    eprintln!("{score}");
    assert!(score.verdicts.len() >= at_least, "{} mutants", score.verdicts.len());
    assert_eq!(score.survivors(), [""; 0]);
}

/// Roles belong to a whole server: this one is nobody else's.
async fn mistakes_in_roles() -> anyhow::Result<Vec<Verdict>> {
    let folder = std::env::temp_dir().join(format!("konstruct-roles-{}", std::process::id()));
    let server = Postgres::create(&folder, None).await?;
    let [app, system] = ["konstruct_app", "konstruct_system"].map(|role| server.url(role, server.address));
    let db = Db::connect(&SecretString::from(app), &SecretString::from(system))?;
    let verdicts = roles::judge_all(&mut server.superuser().await?, &db).await;
    db.close().await;
    server.stop_immediately().await?;
    fs::remove_dir_all(folder)?;
    verdicts
}

/// `where tenant_id = $1` and the policies are two nets: the product's own statements are run with one of them each.
#[tokio::test]
async fn each_of_the_two_nets_holds_alone() {
    let stage = Stage::new().await.unwrap();
    assert_eq!(stage.with_policies_alone().await.unwrap(), [""; 0], "without conditions, the policies hold");
    assert_eq!(stage.with_conditions_alone().await.unwrap(), [""; 0], "without policies, the conditions hold");
    eprintln!("{} calls, each behind either net alone", stage.calls().len());
}

#[tokio::test]
async fn each_function_that_forgets_its_tenant_is_noticed() {
    let stage = Stage::new().await.unwrap();
    noticed(&Score { verdicts: stage.without_condition_of_each_function().await.unwrap() }, 4);
}

/// A call is more than one statement, and what one of them keeps apart hides what the next one forgets.
#[tokio::test]
async fn each_statement_that_forgets_its_tenant_is_noticed_by_itself() {
    let stage = Stage::new().await.unwrap();
    let score = Score { verdicts: stage.without_condition_of_each_statement().await.unwrap() };
    assert_eq!(score.survivors(), [""; 0]);
    eprintln!("{} statements, each noticed without its tenant", score.verdicts.len());
    assert!(score.verdicts.len() > 100, "{} statements", score.verdicts.len());
}

#[tokio::test]
async fn attack_7_the_next_transaction_of_a_session_that_forgets_its_tenant_sees_nothing() {
    let stage = Stage::new().await.unwrap();
    assert_eq!(stage.rows_of_the_next_transaction(honestly()).await.unwrap(), 0);
}

/// A query function that nobody calls here would be a mutant that nobody tries.
#[tokio::test]
async fn every_statement_of_the_product_that_names_its_tenant_is_tried() {
    let stage = Stage::new().await.unwrap();
    let (_, of_the_system) = system_without_conditions().await.unwrap();
    let tried: Vec<String> = stage.seen.iter().chain(&of_the_system).map(|sql| spaced(sql)).collect();
    let literal = Regex::new(r#""((?:[^"\\]|\\.)*)""#).expect("valid");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/src/db");
    let (mut known, mut missed) = (0, Vec::new());
    for file in files(&folder) {
        let source = fs::read_to_string(&file).unwrap();
        let code: String =
            source.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
        for found in literal.captures_iter(&code).map(|found| spaced(&found[1])) {
            if found.contains("tenant_id = $") {
                known += 1;
                // Constants that `concat!` puts together are found as parts of what was tried.
                if !tried.iter().any(|sql| sql.contains(&found)) {
                    missed.push(format!("{}: {found}", file.display()));
                }
            }
        }
    }
    assert!(known > 25, "the statements are found at all: {known}");
    assert_eq!(missed, [""; 0]);
}

/// Those in its folders as well.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries =
        fs::read_dir(folder).expect("the folder is there").map(|entry| entry.expect("it can be read").path());
    let (folders, mut found): (Vec<PathBuf>, Vec<PathBuf>) = entries.partition(|path| path.is_dir());
    found.extend(
        folders
            .iter()
            .flat_map(|folder| files(folder))
            .filter(|file| file.extension().is_some_and(|kind| kind == "rs")),
    );
    found
}

fn spaced(sql: &str) -> String {
    sql.split_whitespace().collect::<Vec<_>>().join(" ")
}
