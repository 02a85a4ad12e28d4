//! Reading a cluster: the master's JSON over HTTP, in the view types of the wire crate.
//!
//! Owns paging and errors; never acts on the cluster.

use anyhow::Context as _;
use serde::de::DeserializeOwned;

use super::unavailable;

/// How many items one page of a list holds.
const PAGE_ITEMS: usize = 1000;

/// The master's HTTP side.
pub(crate) struct Http {
    client: reqwest::Client,
    address: String,
}

impl Http {
    pub(super) fn new(address: String) -> anyhow::Result<Self> {
        let client = reqwest::Client::builder()
            .no_proxy()
            .user_agent(concat!("stoker/", env!("CARGO_PKG_VERSION")))
            .build()
            .context("cannot make an HTTP client")?;
        Ok(Self { client, address })
    }

    /// All items of the list at `path`, page by page. `key` names the item that a page ended with.
    pub(crate) async fn list<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, &str)],
        key: impl Fn(&T) -> String,
    ) -> anyhow::Result<Vec<T>> {
        let mut items: Vec<T> = Vec::new();
        loop {
            let limit = PAGE_ITEMS.to_string();
            let after = items.last().map(&key);
            let mut page_query = query.to_vec();
            page_query.push(("limit", &limit));
            if let Some(after) = &after {
                page_query.push(("after", after));
            }
            let page: Vec<T> = self.get(path, &page_query).await?;
            let is_last = page.len() < PAGE_ITEMS;
            items.extend(page);
            if is_last {
                return Ok(items);
            }
        }
    }

    /// The document at `path`.
    pub(crate) async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, &str)],
    ) -> anyhow::Result<T> {
        let url = reqwest::Url::parse_with_params(&format!("{}{path}", self.address), query)
            .with_context(|| format!("{} is no address of a master", self.address))?;
        let response = self
            .client
            .get(url)
            .send()
            .await
            .map_err(|_| unavailable(&self.address))?;
        let status = response.status();
        if !status.is_success() {
            let text = response.text().await.unwrap_or_default();
            anyhow::bail!("{} answers {status}: {}", self.address, refusal(&text));
        }
        response.json().await.with_context(|| {
            format!(
                "{} does not answer like a master of this version",
                self.address
            )
        })
    }
}

/// The sentence in a JSON error, or the text as it is.
fn refusal(text: &str) -> String {
    serde_json::from_str::<serde_json::Value>(text)
        .ok()
        .and_then(|body| body["error"].as_str().map(str::to_owned))
        .unwrap_or_else(|| text.chars().take(200).collect())
}
