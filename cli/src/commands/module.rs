//! `stoker module push|list|rm`.

use std::time::Duration;

use serde::Serialize;
use stoker_proto::v1;
use stoker_sdk_scheduler::artifacts::{ArtifactKind, Artifacts};

use crate::{
    args::{
        OutputFormat,
        cluster::{Listed, Module, ModulePush, Named},
    },
    client::{Client, explain},
    output::{self, Table, age, or_dash},
};

/// A stored module, as programs see it.
#[derive(Debug, Serialize)]
struct StoredModule {
    reference: String,
    digest: String,
    name: String,
    size: u64,
    created_at: jiff::Timestamp,
}

/// Does what the verb says.
pub(super) async fn module(verb: Module, format: OutputFormat) -> anyhow::Result<()> {
    match verb {
        Module::Push(arguments) => push(arguments, format).await,
        Module::List(listed) => list(&listed, format).await,
        Module::Rm(named) => remove(named, format).await,
    }
}

async fn push(arguments: ModulePush, format: OutputFormat) -> anyhow::Result<()> {
    let client = Client::new(&arguments.cluster)?;
    let store = Artifacts::connect(&[client.address()], Duration::ZERO).await?;
    let upload = store
        .upload_file(&arguments.file, ArtifactKind::Module, |_, _| {})
        .await?;
    let digest = upload.digest.to_string();
    let module = stored(&client)
        .await?
        .into_iter()
        .find(|module| module.digest == digest)
        .ok_or_else(|| {
            anyhow::anyhow!("{digest} was removed while it was pushed; push it again")
        })?;
    match format {
        OutputFormat::Table => output::data(&format!("{}\n", module.reference)),
        OutputFormat::Json | OutputFormat::Jsonl => output::document(&module),
    }
}

async fn list(listed: &Listed, format: OutputFormat) -> anyhow::Result<()> {
    let modules = stored(&Client::new(&listed.cluster)?).await?;
    output::list(format, &modules, |modules| {
        let now = jiff::Timestamp::now();
        let mut table = Table::with_header(&["MODULE", "NAME", "SIZE", "AGE"]);
        for module in modules {
            table.row([
                module.reference.clone(),
                or_dash(Some(&module.name)),
                stoker_types::size::display(module.size),
                age(now, module.created_at),
            ]);
        }
        table
    })
}

/// All stored modules, page by page.
async fn stored(client: &Client) -> anyhow::Result<Vec<StoredModule>> {
    const PAGE_ITEMS: u32 = 1000;
    let mut artifacts = client.artifacts().await?;
    let mut modules: Vec<StoredModule> = Vec::new();
    loop {
        let request = v1::ListRequest {
            kind: v1::ArtifactKind::Module.into(),
            limit: PAGE_ITEMS,
            after: modules
                .last()
                .map(|module| module.digest.clone())
                .unwrap_or_default(),
        };
        let response = artifacts
            .list(request)
            .await
            .map_err(|status| explain(&status))?;
        let page = response.into_inner().artifacts;
        let is_last = page.len() < PAGE_ITEMS as usize;
        for artifact in page {
            modules.push(StoredModule {
                reference: format!("blob:{}", artifact.digest),
                created_at: jiff::Timestamp::from_microsecond(
                    i64::try_from(artifact.created_at_us).unwrap_or(i64::MAX),
                )?,
                digest: artifact.digest,
                name: artifact.name,
                size: artifact.size,
            });
        }
        if is_last {
            return Ok(modules);
        }
    }
}

/// Removes the module that an id means: a digest, a reference, a unique prefix of either, or a name
/// that only one module has.
async fn remove(named: Named, format: OutputFormat) -> anyhow::Result<()> {
    let client = Client::new(&named.cluster)?;
    let matches = |module: &StoredModule| {
        module.name == named.id
            || [&module.reference, &module.digest]
                .iter()
                .any(|id| id.starts_with(&named.id))
            || module
                .digest
                .trim_start_matches("sha256:")
                .starts_with(&named.id)
    };
    let mut found: Vec<StoredModule> = stored(&client).await?.into_iter().filter(matches).collect();
    anyhow::ensure!(
        found.len() < 2,
        "{:?} means {} modules; write more of the digest",
        named.id,
        found.len()
    );
    let module = found.pop().ok_or_else(|| {
        anyhow::anyhow!(
            "no module is called {:?}; `stoker module list` shows all",
            named.id
        )
    })?;
    let request = v1::RemoveRequest {
        digest: module.digest,
    };
    client
        .artifacts()
        .await?
        .remove(request)
        .await
        .map_err(|status| explain(&status))?;
    output::done(format, &format!("{} is removed", module.reference))
}
