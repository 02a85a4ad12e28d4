//! Finding the one thing that a prefix of an id means.
//!
//! Owns the choice and its errors; the reading is `http`'s.

use stoker_proto::json;

use super::Client;

/// Picks the item whose id is `prefix`, or else the only one whose id starts with it.
fn pick<T>(kind: &str, prefix: &str, items: Vec<T>, id: impl Fn(&T) -> &str) -> anyhow::Result<T> {
    if let Some(exact) = items.iter().position(|item| id(item) == prefix) {
        return items
            .into_iter()
            .nth(exact)
            .ok_or_else(|| anyhow::anyhow!("no {kind} {prefix}"));
    }
    let mut matching: Vec<T> = items
        .into_iter()
        .filter(|item| id(item).starts_with(prefix))
        .collect();
    if matching.len() > 1 {
        let some: Vec<&str> = matching.iter().take(5).map(&id).collect();
        anyhow::bail!(
            "{prefix:?} means {} {kind}s, {} among them; write more of the id",
            matching.len(),
            some.join(", ")
        );
    }
    matching.pop().ok_or_else(|| {
        anyhow::anyhow!("no {kind} starts with {prefix:?}; `stoker {kind} list` shows all")
    })
}

impl Client {
    /// All agents.
    pub(crate) async fn agents(&self) -> anyhow::Result<Vec<json::Agent>> {
        self.http
            .list("/api/v1/agents", &[], |agent: &json::Agent| {
                agent.id.clone()
            })
            .await
    }

    /// All frameworks.
    pub(crate) async fn frameworks(&self) -> anyhow::Result<Vec<json::Framework>> {
        let key = |framework: &json::Framework| framework.id.clone();
        self.http.list("/api/v1/frameworks", &[], key).await
    }

    /// All outstanding offers.
    pub(crate) async fn offers(&self) -> anyhow::Result<Vec<json::Offer>> {
        self.http
            .list("/api/v1/offers", &[], |offer: &json::Offer| {
                offer.id.clone()
            })
            .await
    }

    /// The tasks that `query` selects.
    pub(crate) async fn tasks(&self, query: &[(&str, &str)]) -> anyhow::Result<Vec<json::Task>> {
        let key = |task: &json::Task| format!("{}/{}", task.framework_id, task.id);
        self.http.list("/api/v1/tasks", query, key).await
    }

    /// The agent that `prefix` means.
    pub(crate) async fn agent(&self, prefix: &str) -> anyhow::Result<json::Agent> {
        pick("agent", prefix, self.agents().await?, |agent| &agent.id)
    }

    /// The framework that `prefix` means.
    pub(crate) async fn framework(&self, prefix: &str) -> anyhow::Result<json::Framework> {
        pick("framework", prefix, self.frameworks().await?, |framework| {
            &framework.id
        })
    }

    /// The offer that `prefix` means.
    pub(crate) async fn offer(&self, prefix: &str) -> anyhow::Result<json::Offer> {
        pick("offer", prefix, self.offers().await?, |offer| &offer.id)
    }

    /// The task that `prefix` means.
    pub(crate) async fn task(&self, prefix: &str) -> anyhow::Result<json::Task> {
        pick("task", prefix, self.tasks(&[]).await?, |task| &task.id)
    }
}

#[cfg(test)]
mod tests {
    use super::pick;

    fn pick_text(prefix: &str) -> anyhow::Result<&'static str> {
        pick(
            "task",
            prefix,
            vec!["map-1", "map-10", "reduce-1"],
            |text| text,
        )
    }

    #[test]
    fn a_whole_id_goes_before_longer_ones() {
        assert_eq!(pick_text("map-1").unwrap(), "map-1");
        assert_eq!(pick_text("r").unwrap(), "reduce-1");
    }

    #[test]
    fn an_ambiguous_or_unknown_prefix_says_what_to_do() {
        let ambiguous = pick_text("map").unwrap_err().to_string();
        assert!(
            ambiguous.contains("map-1, map-10") && ambiguous.contains("write more"),
            "{ambiguous}"
        );
        let unknown = pick_text("x").unwrap_err().to_string();
        assert!(unknown.contains("stoker task list"), "{unknown}");
    }
}
