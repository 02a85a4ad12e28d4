//! The pages, asked without a socket, over a small cluster.

use axum::{
    body::Body,
    http::{Method, StatusCode, header},
};
use http_body_util::BodyExt as _;
use stoker_types::Epoch;
use tower::ServiceExt as _;

use super::*;
use crate::{
    blobs::BlobLimits,
    driver::Message,
    read_model::tests::{cluster, key, task, told},
};

/// The pages of a master whose loop answers for its counts.
struct Site {
    app: Router,
    _folder: tempfile::TempDir,
}

struct Answer {
    code: StatusCode,
    content_type: String,
    body: String,
}

impl Site {
    fn new(model: ReadModel) -> Self {
        let (master, mut inbox) = MasterHandle::new(Epoch::new(3));
        tokio::spawn(async move {
            while let Some(message) = inbox.recv().await {
                if let Message::Count(answer) = message {
                    let view = stoker_master_core::View {
                        offers: 1,
                        ..Default::default()
                    };
                    answer.send(view).unwrap();
                }
            }
        });
        Self::with_master(model, master)
    }

    fn with_master(model: ReadModel, master: MasterHandle) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let limits = BlobLimits {
            max_blob_bytes: 1,
            capacity_bytes: 1,
        };
        let blobs = BlobStore::open(folder.path(), limits).unwrap();
        let pages = Pages {
            model: Arc::new(model),
            master,
            blobs,
            metrics: Metrics::new(),
        };
        Self {
            app: app(pages),
            _folder: folder,
        }
    }

    async fn ask(&self, request: axum::http::Request<Body>) -> Answer {
        let response = self.app.clone().oneshot(request).await.unwrap();
        let content_type = response.headers().get(header::CONTENT_TYPE);
        let content_type = content_type
            .map_or("", |value| value.to_str().unwrap())
            .to_owned();
        let code = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        Answer {
            code,
            content_type,
            body: String::from_utf8(body.to_vec()).unwrap(),
        }
    }

    async fn get(&self, address: &str) -> Answer {
        self.ask(Request::get(address).body(Body::empty()).unwrap())
            .await
    }

    async fn json(&self, address: &str) -> serde_json::Value {
        let answer = self.get(address).await;
        assert_eq!(answer.code, StatusCode::OK, "{address}: {}", answer.body);
        assert_eq!(answer.content_type, "application/json");
        serde_json::from_str(&answer.body).unwrap()
    }

    /// The ids in a list.
    async fn ids(&self, address: &str) -> Vec<String> {
        let list = self.json(address).await;
        let id = |item: &serde_json::Value| item["id"].as_str().unwrap().to_owned();
        list.as_array().unwrap().iter().map(id).collect()
    }

    /// The code and the `error` of a refusal.
    async fn refusal(&self, address: &str) -> (u16, String) {
        let answer = self.get(address).await;
        let body: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
        (
            answer.code.as_u16(),
            body["error"].as_str().unwrap().to_owned(),
        )
    }
}

const FRAMEWORK: &str = "framework-aaaaaaaaaaaab";

#[tokio::test]
async fn health_and_readiness_are_a_word() {
    let site = Site::new(cluster());
    for address in ["/healthz", "/readyz"] {
        let answer = site.get(address).await;
        assert_eq!(
            (answer.code, answer.body.as_str()),
            (StatusCode::OK, "ok\n")
        );
    }
}

#[tokio::test]
async fn a_master_whose_loop_has_ended_is_not_ready() {
    let (master, inbox) = MasterHandle::new(Epoch::new(3));
    drop(inbox);
    let site = Site::with_master(cluster(), master);
    assert_eq!(
        site.refusal("/readyz").await,
        (503, "the master is going down".to_owned())
    );
    assert_eq!(site.get("/healthz").await.code, StatusCode::OK);
    // The rest of the metrics is there all the same.
    assert!(
        site.get("/metrics")
            .await
            .body
            .contains("stoker_master_epoch 3")
    );
}

#[tokio::test]
async fn metrics_are_openmetrics_text_with_the_cores_counts() {
    let answer = Site::new(cluster()).get("/metrics").await;
    assert_eq!(
        answer.content_type,
        "application/openmetrics-text; version=1.0.0; charset=utf-8"
    );
    assert!(
        answer.body.contains("stoker_master_offers 1\n"),
        "{}",
        answer.body
    );
    let used = "stoker_master_framework_fuel_total\
                {framework=\"framework-aaaaaaaaaaaab\",role=\"default\"} 2000\n";
    assert!(answer.body.contains(used), "{}", answer.body);
    assert!(answer.body.ends_with("# EOF\n"));
}

#[tokio::test]
async fn the_state_is_the_whole_cluster() {
    let state = Site::new(cluster()).json("/api/v1/state").await;
    insta::assert_json_snapshot!(state);
}

#[tokio::test]
async fn one_of_each_kind_is_found_by_its_id() {
    let site = Site::new(cluster());
    for address in [
        "/api/v1/agents/agent-aaaaaaaaaaaab",
        "/api/v1/frameworks/framework-aaaaaaaaaaaab",
        "/api/v1/tasks/framework-aaaaaaaaaaaab/running",
        "/api/v1/offers/offer-3-1",
    ] {
        let found = site.json(address).await;
        assert_eq!(
            found["id"].as_str().unwrap(),
            address.rsplit('/').next().unwrap()
        );
    }
}

#[tokio::test]
async fn lists_are_cut_and_continued() {
    let site = Site::new(cluster());
    assert_eq!(site.ids("/api/v1/agents").await, ["agent-aaaaaaaaaaaab"]);
    assert_eq!(site.ids("/api/v1/frameworks").await, [FRAMEWORK]);
    assert_eq!(site.ids("/api/v1/offers").await, ["offer-3-1"]);
    assert_eq!(site.ids("/api/v1/tasks?limit=1").await, ["failed"]);
    let next = format!("/api/v1/tasks?limit=1&after={FRAMEWORK}/failed");
    assert_eq!(site.ids(&next).await, ["running"]);
    assert!(
        site.ids("/api/v1/agents?after=agent-aaaaaaaaaaaab")
            .await
            .is_empty()
    );
}

#[tokio::test]
async fn tasks_are_found_by_framework_agent_and_state() {
    let model = cluster();
    model.apply(told(vec![task(
        "other:1",
        stoker_types::TaskState::Running,
    )]));
    assert!(model.task(&key("other:1")).is_some());
    let site = Site::new(model);
    assert_eq!(
        site.ids("/api/v1/tasks?state=TASK_RUNNING").await,
        ["other:1", "running"]
    );
    let mine = format!("/api/v1/tasks?framework_id={FRAMEWORK}&state=TASK_FAILED");
    assert_eq!(site.ids(&mine).await, ["failed"]);
    let elsewhere = "/api/v1/tasks?agent_id=agent-aaaaaaaaaaaaa";
    assert!(site.ids(elsewhere).await.is_empty());
    let escaped = format!("/api/v1/tasks/{FRAMEWORK}/other%3A1");
    assert_eq!(site.json(&escaped).await["id"], "other:1");
}

#[tokio::test]
async fn what_cannot_be_answered_says_what_would_be_right() {
    let site = Site::new(cluster());
    let mut refusals = String::new();
    for address in [
        "/api/v1/agents/agent-aaaaaaaaaaaaa",
        "/api/v1/agents/nobody",
        "/api/v1/tasks/framework-aaaaaaaaaaaab/nobody",
        "/api/v1/offers/offer-1",
        "/api/v1/agents?limit=0",
        "/api/v1/agents?limit=many",
        "/api/v1/agents?lmit=1",
        "/api/v1/agents?after=x",
        "/api/v1/tasks?after=x",
        "/api/v1/tasks?state=RUNNING",
        "/api/v1/state?after=x",
        "/api/v2/state",
        "/",
    ] {
        let (code, error) = site.refusal(address).await;
        refusals.push_str(&format!("{address}\n  {code} {error}\n"));
    }
    insta::assert_snapshot!(refusals);
}

#[tokio::test]
async fn pages_are_only_read() {
    let site = Site::new(cluster());
    let request = Request::builder()
        .method(Method::DELETE)
        .uri("/api/v1/agents");
    let answer = site.ask(request.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.code, StatusCode::METHOD_NOT_ALLOWED);
    assert!(
        answer.body.contains("DELETE is not possible here"),
        "{}",
        answer.body
    );
}

#[tokio::test]
async fn the_description_is_openapi_and_lists_every_page() {
    let document = Site::new(cluster()).json("/api/v1/openapi.json").await;
    assert_eq!(document["openapi"], "3.1.0");
    let paths: Vec<&String> = document["paths"].as_object().unwrap().keys().collect();
    let schemas: Vec<&String> = document["components"]["schemas"]
        .as_object()
        .unwrap()
        .keys()
        .collect();
    insta::assert_debug_snapshot!((paths, schemas));
}
