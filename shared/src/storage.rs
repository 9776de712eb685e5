//! Bytes that are too large for rows: media, under tenant and id. Files in a folder, or objects in a bucket.
//!
//! A key is made of ids alone, so that no name a stranger chose is ever part of a path.

use std::sync::Arc;

use futures::{StreamExt, TryStreamExt};
use object_store::{
    Error as StoreError, ObjectStore, ObjectStoreExt, PutMode, aws::AmazonS3Builder, buffered::BufWriter,
    local::LocalFileSystem, path::Path,
};
use secrecy::ExposeSecret;
use tokio::{
    io::{AsyncRead, AsyncWriteExt},
    sync::Semaphore,
};
use uuid::Uuid;

use crate::{
    config::StorageConfig,
    ids::{DocumentId, MediaId, RunId, TenantId},
};

/// Of a large file in memory on its way; a bucket takes no smaller ones.
const PIECE: usize = 5 * 1024 * 1024;
/// Large files on their way at once.
const UPLOADS_MAX: usize = 2;

/// Cheap to clone.
#[derive(Clone)]
pub struct Storage {
    store: Arc<dyn ObjectStore>,
    prefix: Path,
    /// Each one under way holds pieces in memory.
    uploads: Arc<Semaphore>,
}

#[derive(Debug, thiserror::Error)]
#[error("the storage: {0}")]
pub struct StorageError(String);

impl From<object_store::Error> for StorageError {
    /// Without the path and the bucket's answer: only what kind of failure it is.
    fn from(error: object_store::Error) -> Self {
        use object_store::Error as E;
        let kind = match error {
            E::NotFound { .. } => "the file is not there",
            E::PermissionDenied { .. } | E::Unauthenticated { .. } => "access is denied",
            _ => "it does not answer, or is full",
        };
        Self(kind.to_owned())
    }
}

impl From<std::io::Error> for StorageError {
    fn from(error: std::io::Error) -> Self {
        match error.downcast::<StoreError>() {
            Ok(error) => error.into(),
            Err(_) => Self("it does not answer, or is full".to_owned()),
        }
    }
}

impl Storage {
    /// Opens a folder (made if missing) or a bucket.
    pub fn open(config: &StorageConfig) -> Result<Self, String> {
        Self::open_as("STORAGE_URL", config)
    }

    /// The same for another variable's place.
    pub fn open_as(variable: &str, config: &StorageConfig) -> Result<Self, String> {
        let uploads = Arc::new(Semaphore::new(UPLOADS_MAX));
        let url = &config.url;
        let bad = |error: &dyn std::fmt::Display| format!("{variable} can't be used: {error}.");
        match url.scheme() {
            "file" => {
                let folder = url.to_file_path().map_err(|()| bad(&"it is no path on this machine"))?;
                std::fs::create_dir_all(&folder).map_err(|error| bad(&error))?;
                let store = LocalFileSystem::new_with_prefix(folder).map_err(|error| bad(&error))?;
                Ok(Self { store: Arc::new(store), prefix: Path::default(), uploads })
            }
            "s3" => {
                let mut builder = AmazonS3Builder::new().with_url(url.as_str()).with_region(&config.region);
                if let (Some(id), Some(key)) = (&config.access_key_id, &config.secret_access_key) {
                    builder = builder.with_access_key_id(id).with_secret_access_key(key.expose_secret());
                }
                if let Some(endpoint) = &config.endpoint {
                    builder = builder
                        .with_endpoint(endpoint.as_str().trim_end_matches('/'))
                        .with_allow_http(endpoint.scheme() == "http")
                        .with_virtual_hosted_style_request(false);
                }
                let store = builder.build().map_err(|error| bad(&error))?;
                let prefix = Path::from_url_path(url.path()).map_err(|error| bad(&error))?;
                Ok(Self { store: Arc::new(store), prefix, uploads })
            }
            other => Err(format!("{variable} must begin with `file://` or `s3://`, not `{other}://`.")),
        }
    }

    /// Keeps the bytes piece by piece, all of them or none; writing the same again does no harm.
    pub async fn put(
        &self,
        tenant: TenantId,
        media: MediaId,
        mut from: impl AsyncRead + Unpin,
    ) -> Result<(), StorageError> {
        let _room = self.uploads.acquire().await;
        let key = self.key(tenant, "media", media.uuid());
        let mut to = BufWriter::with_capacity(Arc::clone(&self.store), key, PIECE).with_max_concurrency(1);
        if let Err(error) = tokio::io::copy(&mut from, &mut to).await {
            // What was written of it so far would lie there unseen.
            let _ = to.abort().await;
            return Err(error.into());
        }
        Ok(to.shutdown().await?)
    }

    /// The same for a document.
    pub async fn put_document(
        &self,
        tenant: TenantId,
        document: DocumentId,
        bytes: Vec<u8>,
    ) -> Result<(), StorageError> {
        self.store.put(&self.key(tenant, "documents", document.uuid()), bytes.into()).await?;
        Ok(())
    }

    /// The bytes, if they are no more than `max`.
    pub async fn get(&self, tenant: TenantId, media: MediaId, max: usize) -> Result<Vec<u8>, StorageError> {
        self.read(&self.key(tenant, "media", media.uuid()), max).await
    }

    pub async fn get_document(
        &self,
        tenant: TenantId,
        document: DocumentId,
        max: usize,
    ) -> Result<Vec<u8>, StorageError> {
        self.read(&self.key(tenant, "documents", document.uuid()), max).await
    }

    /// Erases a document's bytes; that they are gone already is no failure.
    pub async fn erase_document(&self, tenant: TenantId, document: DocumentId) -> Result<(), StorageError> {
        self.erase(&self.key(tenant, "documents", document.uuid())).await
    }

    /// Keeps a file that a run made: by the run and its place in it, so that a run which goes on after a crash writes the same
    /// again.
    pub async fn put_file(
        &self,
        tenant: TenantId,
        (run, part): (RunId, i32),
        bytes: Vec<u8>,
    ) -> Result<(), StorageError> {
        self.store.put(&self.file(tenant, (run, part)), bytes.into()).await?;
        Ok(())
    }

    pub async fn get_file(
        &self,
        tenant: TenantId,
        (run, part): (RunId, i32),
        max: usize,
    ) -> Result<Vec<u8>, StorageError> {
        self.read(&self.file(tenant, (run, part)), max).await
    }

    /// Erases such a file's bytes; that they are gone already is no failure.
    pub async fn erase_file(&self, tenant: TenantId, (run, part): (RunId, i32)) -> Result<(), StorageError> {
        self.erase(&self.file(tenant, (run, part))).await
    }

    /// Erases the bytes of a file that came; that they are gone already is no failure.
    pub async fn erase_media(&self, tenant: TenantId, media: MediaId) -> Result<(), StorageError> {
        self.erase(&self.key(tenant, "media", media.uuid())).await
    }

    /// Erases every file of a tenant; returns how many there were.
    pub async fn erase_tenant(&self, tenant: TenantId) -> Result<u64, StorageError> {
        let below = self.named(&[&tenant.uuid().to_string()]);
        let files: Vec<Path> = self.store.list(Some(&below)).map_ok(|found| found.location).try_collect().await?;
        for file in &files {
            self.erase(file).await?;
        }
        Ok(files.len() as u64)
    }

    async fn erase(&self, key: &Path) -> Result<(), StorageError> {
        match self.store.delete(key).await {
            Ok(()) | Err(StoreError::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Keeps bytes under a name that nothing has yet: what is there is never replaced.
    pub async fn put_new(&self, name: &[&str], bytes: Vec<u8>) -> Result<(), StorageError> {
        self.store.put_opts(&self.named(name), bytes.into(), PutMode::Create.into()).await?;
        Ok(())
    }

    /// The same; what is there already is what was to be kept.
    pub async fn put_once(&self, name: &[&str], bytes: Vec<u8>) -> Result<(), StorageError> {
        match self.store.put_opts(&self.named(name), bytes.into(), PutMode::Create.into()).await {
            Ok(_) | Err(StoreError::AlreadyExists { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Everything below a folder, with its name there, by name.
    pub async fn all_in(&self, folder: &str, max: usize) -> Result<Vec<(String, Vec<u8>)>, StorageError> {
        let below = self.named(&[folder]);
        let mut names: Vec<Path> =
            self.store.list(Some(&below)).map_ok(|found| found.location).try_collect().await?;
        names.sort();
        let mut all = Vec::with_capacity(names.len());
        for name in names {
            all.push((name.to_string(), self.read(&name, max).await?));
        }
        Ok(all)
    }

    fn named(&self, name: &[&str]) -> Path {
        let own = name.iter().map(|part| (*part).to_owned());
        self.prefix.parts().map(|part| part.as_ref().to_owned()).chain(own).collect()
    }

    async fn read(&self, key: &Path, max: usize) -> Result<Vec<u8>, StorageError> {
        let mut pieces = self.store.get(key).await?.into_stream();
        let mut bytes = Vec::new();
        while let Some(piece) = pieces.next().await {
            bytes.extend_from_slice(&piece?);
            if bytes.len() > max {
                return Err(StorageError("the file is larger than it was".into()));
            }
        }
        Ok(bytes)
    }

    fn file(&self, tenant: TenantId, (run, part): (RunId, i32)) -> Path {
        let own = [tenant.uuid().to_string(), "files".to_owned(), format!("{}-{part}", run.uuid())];
        self.prefix.parts().map(|part| part.as_ref().to_owned()).chain(own).collect()
    }

    fn key(&self, tenant: TenantId, folder: &str, id: Uuid) -> Path {
        let own = [tenant.uuid().to_string(), folder.to_owned(), id.to_string()];
        self.prefix.parts().map(|part| part.as_ref().to_owned()).chain(own).collect()
    }
}
