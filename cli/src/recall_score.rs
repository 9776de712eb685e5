//! Scores what was found: the share of what answers a question among the first k, and how early the first of it comes.

use std::collections::{BTreeMap, HashSet};

use serde::Serialize;

use crate::recall_file::Question;

#[derive(Debug, Serialize)]
pub struct Table {
    pub groups: Vec<Group>,
}

/// Questions of one kind; each counts the same.
#[derive(Debug, PartialEq, Serialize)]
pub struct Group {
    pub name: String,
    pub questions: usize,
    pub r5: f64,
    pub r10: f64,
    pub r25: f64,
    pub mrr: f64,
}

/// All of them but those with a wrong premise first, then by kind. A question that nothing answers is left out.
pub fn score(questions: &[Question], found: &BTreeMap<String, Vec<String>>) -> Table {
    let mut kinds: Vec<&str> = questions.iter().map(|question| question.category.as_str()).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let mut groups = vec![group("all", questions.iter().filter(|question| !question.adversarial), found)];
    for kind in kinds {
        groups.push(group(kind, questions.iter().filter(|question| question.category == kind), found));
    }
    groups.retain(|group| group.questions > 0);
    Table { groups }
}

fn group<'a>(
    name: &str,
    questions: impl Iterator<Item = &'a Question>,
    found: &BTreeMap<String, Vec<String>>,
) -> Group {
    let mut sum = Group { name: name.to_owned(), questions: 0, r5: 0.0, r10: 0.0, r25: 0.0, mrr: 0.0 };
    for question in questions.filter(|question| !question.evidence.is_empty()) {
        let none = Vec::new();
        let ranked = found.get(&question.id).unwrap_or(&none);
        let evidence: HashSet<&String> = question.evidence.iter().collect();
        let among = |k: usize| {
            ranked.iter().take(k).filter(|id| evidence.contains(id)).count() as f64 / evidence.len() as f64
        };
        sum.questions += 1;
        (sum.r5, sum.r10, sum.r25) = (sum.r5 + among(5), sum.r10 + among(10), sum.r25 + among(25));
        let first = ranked.iter().position(|id| evidence.contains(id));
        sum.mrr += first.map_or(0.0, |rank| 1.0 / (rank as f64 + 1.0));
    }
    let mean = |total: f64| if sum.questions == 0 { 0.0 } else { total / sum.questions as f64 };
    Group { r5: mean(sum.r5), r10: mean(sum.r10), r25: mean(sum.r25), mrr: mean(sum.mrr), ..sum }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_of_what_answers_and_each_question_counts_the_same() {
        let question = |id: &str, adversarial, evidence: &[&str]| Question {
            id: id.into(),
            talk: "a".into(),
            text: "?".into(),
            category: if adversarial { "adversarial" } else { "plain" }.into(),
            adversarial,
            evidence: evidence.iter().map(|id| (*id).to_owned()).collect(),
        };
        let questions = [
            question("1", false, &["x", "y"]),
            question("2", false, &["z"]),
            question("3", true, &["x"]),
            question("4", false, &[]),
        ];
        let ranked = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
        let found =
            BTreeMap::from([("1".into(), ranked(&["a", "x", "b", "c", "d", "y"])), ("3".into(), ranked(&["x"]))]);
        let table = score(&questions, &found);
        let names: Vec<(&str, usize)> =
            table.groups.iter().map(|group| (group.name.as_str(), group.questions)).collect();
        assert_eq!(names, [("all", 2), ("adversarial", 1), ("plain", 2)]);
        let all = &table.groups[0];
        assert_eq!((all.r5, all.r10, all.mrr), (0.25, 0.5, 0.25));
        assert_eq!(table.groups[1].r5, 1.0);
    }
}
