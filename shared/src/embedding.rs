//! Text → vector: MiniLM (384 dimensions) on the CPU, loaded once on first use.
//!
//! Batches are bounded by tokens, not by texts: one batch of 64 × 256 tokens grows the runtime's arena to 765 MB for
//! good, while 4,096 tokens at a time keep the whole process small.

use std::{
    collections::VecDeque,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use fastembed::{
    InitOptionsUserDefined, Pooling, TextEmbedding, TextInitOptions, TokenizerFiles, UserDefinedEmbeddingModel,
};

use ort::environment::Environment;

use crate::{config::Config, ids::TenantId};

pub const DIMENSIONS: usize = 384;
/// Stored beside each vector, so that another model's vectors are never compared with these.
pub const MODEL: &str = "all-MiniLM-L6-v2";
/// Tokens of padded input per call of the runtime.
const BATCH_TOKENS_MAX: usize = 2_048;
/// Longest text in tokens; the model was trained on 256.
const TEXT_TOKENS_MAX: usize = 256;

/// Questions whose vectors are kept until the worker stores them as memories.
const QUESTIONS_KEPT: usize = 64;

#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct EmbeddingError(String);

/// Whose text it is, the text, and its vector.
type Embedded = (TenantId, String, Vec<f32>);

/// Loads the model on first use; clones share it.
#[derive(Clone)]
pub struct Embedder {
    model_dir: Option<PathBuf>,
    runtime: Option<PathBuf>,
    loaded: Arc<Mutex<Option<TextEmbedding>>>,
    /// Calls under way: one computes, the others wait for it.
    calls: Arc<AtomicUsize>,
    /// Newest first. What somebody asks is remembered as well: it need not be embedded twice by one process. No tenant is given
    /// another's, not even for the same words: how long it takes would tell that somebody asked them.
    questions: Arc<Mutex<VecDeque<Embedded>>>,
}

impl Embedder {
    pub fn new(config: &Config) -> Self {
        Self {
            model_dir: config.embedding_model_dir.clone(),
            runtime: config.onnx_runtime.clone(),
            loaded: Arc::default(),
            calls: Arc::default(),
            questions: Arc::default(),
        }
    }

    /// One vector of unit length per text, in order. Runs on a blocking thread.
    pub async fn embed(&self, texts: Vec<String>) -> Result<Vec<Vec<f32>>, EmbeddingError> {
        self.compute(texts).await
    }

    /// The same for a tenant's memories, some of which may be questions whose vectors are kept.
    pub async fn embed_memories(
        &self,
        tenant: TenantId,
        texts: Vec<String>,
    ) -> Result<Vec<Vec<f32>>, EmbeddingError> {
        let mut vectors: Vec<_> = texts.iter().map(|text| self.asked(tenant, text)).collect();
        let open = texts.into_iter().zip(&vectors).filter(|(_, known)| known.is_none()).map(|(text, _)| text);
        let mut embedded = self.compute(open.collect()).await?.into_iter();
        for vector in vectors.iter_mut().filter(|vector| vector.is_none()) {
            *vector = embedded.next();
        }
        Ok(vectors.into_iter().flatten().collect())
    }

    /// The vector of what somebody asks; kept a while for [`Embedder::embed_memories`].
    pub async fn embed_question(&self, tenant: TenantId, text: String) -> Result<Vec<f32>, EmbeddingError> {
        let vector = self.compute(vec![text.clone()]).await?.pop().unwrap_or_default();
        if let Ok(mut questions) = self.questions.lock() {
            questions.truncate(QUESTIONS_KEPT - 1);
            questions.push_front((tenant, text, vector.clone()));
        }
        Ok(vector)
    }

    fn asked(&self, tenant: TenantId, text: &str) -> Option<Vec<f32>> {
        let questions = self.questions.lock().ok()?;
        let known = questions.iter().find(|(owner, question, _)| *owner == tenant && question == text);
        known.map(|(_, _, vector)| vector.clone())
    }

    async fn compute(&self, texts: Vec<String>) -> Result<Vec<Vec<f32>>, EmbeddingError> {
        if texts.is_empty() {
            return Ok(Vec::new());
        }
        let this = self.clone();
        self.calls.fetch_add(1, Ordering::Relaxed);
        // Counts itself out on the thread: a caller that goes away stops nothing.
        let computed = tokio::task::spawn_blocking(move || {
            let vectors = this.embed_blocking(&texts);
            this.calls.fetch_sub(1, Ordering::Relaxed);
            vectors
        });
        computed.await.map_err(|error| EmbeddingError(format!("The embedding model crashed: {error}.")))?
    }

    /// Whether texts wait for others' vectors: then it takes longer than a few milliseconds.
    pub fn is_busy(&self) -> bool {
        self.calls.load(Ordering::Relaxed) > 1
    }

    fn embed_blocking(&self, texts: &[String]) -> Result<Vec<Vec<f32>>, EmbeddingError> {
        let mut loaded =
            self.loaded.lock().map_err(|_| EmbeddingError("The embedding model crashed earlier.".into()))?;
        if loaded.is_none() {
            *loaded = Some(load(self.model_dir.as_deref(), self.runtime.as_deref())?);
        }
        let model = loaded.as_mut().ok_or_else(|| EmbeddingError("The embedding model is not loaded.".into()))?;
        let order = by_length(model, texts);
        let mut vectors = vec![Vec::new(); texts.len()];
        for batch in batches(&order) {
            let inputs: Vec<&str> = batch.iter().map(|(index, _)| texts[*index].as_str()).collect();
            let embedded = model
                .embed(&inputs, None)
                .map_err(|error| EmbeddingError(format!("Embedding failed: {error}.")))?;
            for ((index, _), vector) in batch.iter().zip(embedded) {
                vectors[*index] = vector;
            }
        }
        Ok(vectors)
    }
}

/// Indices with their token counts, shortest first, so that a batch has little padding.
fn by_length(model: &TextEmbedding, texts: &[String]) -> Vec<(usize, usize)> {
    let mut order: Vec<(usize, usize)> = texts
        .iter()
        .enumerate()
        .map(|(index, text)| {
            let tokens =
                model.tokenizer.encode(text.as_str(), true).map_or(TEXT_TOKENS_MAX, |encoded| encoded.len());
            (index, tokens.clamp(1, TEXT_TOKENS_MAX))
        })
        .collect();
    order.sort_by_key(|(_, tokens)| *tokens);
    order
}

/// Cuts the ordered list so that texts × longest text stays within [`BATCH_TOKENS_MAX`].
fn batches(order: &[(usize, usize)]) -> Vec<&[(usize, usize)]> {
    let mut cut = Vec::new();
    let mut start = 0;
    for end in 1..=order.len() {
        let full = end == order.len() || (end + 1 - start) * order[end].1 > BATCH_TOKENS_MAX;
        if full {
            cut.push(&order[start..end]);
            start = end;
        }
    }
    cut
}

/// The library's own type, for the benchmark's floor.
#[cfg(feature = "testing")]
pub use fastembed::TextEmbedding as BareModel;

/// The model without our batches, for the benchmark's floor.
#[cfg(feature = "testing")]
pub fn bare(config: &Config) -> Result<BareModel, EmbeddingError> {
    load(config.embedding_model_dir.as_deref(), config.onnx_runtime.as_deref())
}

fn load(model_dir: Option<&Path>, runtime: Option<&Path>) -> Result<TextEmbedding, EmbeddingError> {
    // Told directly, because a path from the development file is not in the process's environment.
    let environment = runtime.map(open_runtime).transpose()?;
    match model_dir {
        Some(folder) => from_files(folder, environment),
        None => TextEmbedding::try_new(
            TextInitOptions::new(fastembed::EmbeddingModel::AllMiniLML6V2).with_show_download_progress(false),
        )
        .map_err(|error| {
            EmbeddingError(format!("The embedding model can't be downloaded ({error}): set EMBEDDING_MODEL_DIR."))
        }),
    }
}

/// The runtime library takes one environment per process, and refuses a second one even after the first is gone.
static RUNTIME: Mutex<Option<Environment>> = Mutex::new(None);

fn open_runtime(path: &Path) -> Result<Environment, EmbeddingError> {
    let refused = |error: String| {
        EmbeddingError(format!(
            "ORT_DYLIB_PATH names {}, which can't be loaded: {error}. Run `make up`.",
            path.display()
        ))
    };
    let mut opened = RUNTIME.lock().map_err(|_| refused("loading it crashed earlier".into()))?;
    if let Some(environment) = opened.as_ref() {
        return Ok(environment.clone());
    }
    let environment = ort::init_from(path)
        .map_err(|error| refused(error.to_string()))?
        .build()
        .map_err(|error| refused(error.to_string()))?;
    *opened = Some(environment.clone());
    Ok(environment)
}

fn from_files(folder: &Path, environment: Option<Environment>) -> Result<TextEmbedding, EmbeddingError> {
    let read = |name: &str| {
        let path = folder.join(name);
        std::fs::read(&path).map_err(|error| {
            EmbeddingError(format!("EMBEDDING_MODEL_DIR lacks {}: {error}. Run `make up`.", path.display()))
        })
    };
    let files = TokenizerFiles {
        tokenizer_file: read("tokenizer.json")?,
        config_file: read("config.json")?,
        special_tokens_map_file: read("special_tokens_map.json")?,
        tokenizer_config_file: read("tokenizer_config.json")?,
    };
    let model = UserDefinedEmbeddingModel::new(read("model.onnx")?, files).with_pooling(Pooling::Mean);
    let mut options = InitOptionsUserDefined::new().with_max_length(TEXT_TOKENS_MAX).with_intra_threads(1);
    options.environment = environment;
    TextEmbedding::try_new_from_user_defined(model, options)
        .map_err(|error| EmbeddingError(format!("The embedding model can't be loaded: {error}.")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attack_137_a_vector_that_is_kept_for_one_tenant_is_not_given_to_another() {
        let embedder = Embedder {
            model_dir: None,
            runtime: None,
            loaded: Arc::default(),
            calls: Arc::default(),
            questions: Arc::default(),
        };
        let (acme, bolt) = (TenantId::new(), TenantId::new());
        embedder.questions.lock().unwrap().push_front((acme, "What is the code?".into(), vec![1.0]));
        assert_eq!(embedder.asked(acme, "What is the code?"), Some(vec![1.0]));
        assert_eq!(embedder.asked(bolt, "What is the code?"), None);
    }

    #[test]
    fn batches_cover_all_and_stay_within_the_tokens() {
        let order: Vec<(usize, usize)> = (0..300).map(|index| (index, 1 + index % 256)).collect();
        let mut sorted = order.clone();
        sorted.sort_by_key(|(_, tokens)| *tokens);
        let cut = batches(&sorted);
        assert_eq!(cut.iter().map(|batch| batch.len()).sum::<usize>(), 300);
        for batch in cut {
            let longest = batch.iter().map(|(_, tokens)| *tokens).max().unwrap();
            assert!(batch.len() == 1 || batch.len() * longest <= BATCH_TOKENS_MAX);
        }
        assert!(batches(&[]).is_empty());
    }
}
