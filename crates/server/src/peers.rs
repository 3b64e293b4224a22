//! Other nodes: the door at which they fetch what we have for them, and our own way to theirs. HTTPS with certificates on
//! both sides, each known by its digest; nothing else than the outbox lies behind this door.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::{ConnectInfo, Query, State, connect_info::Connected},
    http::{Request, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
    serve::IncomingStream,
};
use hyper_util::rt::TokioIo;
use rcgen::{CertificateParams, KeyPair};
use serde::Deserialize;
use sizao_app::{
    App, AppError,
    assists::{Brought, Transport, TransportError},
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
};
use tokio_rustls::{
    TlsAcceptor, TlsConnector,
    rustls::{
        self, CertificateError, ClientConfig, DigitallySignedStruct, DistinguishedName, ServerConfig, SignatureScheme,
        client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        crypto::{CryptoProvider, verify_tls13_signature},
        pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, UnixTime},
        server::danger::{ClientCertVerified, ClientCertVerifier},
    },
};

use crate::{
    doors::{Tls, TlsDoor, TlsError},
    state::Shared,
};

/// Envelopes of one answer.
const LIMIT_MAX: u32 = 256;
/// Bytes of one answer, beyond its first envelope.
const ANSWER_BYTES: usize = 4 << 20;
/// Bytes of an answer that are read.
const READ_BYTES_MAX: usize = 64 << 20;
/// A peer that takes longer is tried again later.
const PATIENCE: Duration = Duration::from_secs(20);
/// Between two rounds.
const ROUND: Duration = Duration::from_secs(2);

/// How this node is known to others.
#[derive(Debug)]
pub struct PeerIdentity {
    certificate: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
}

impl PeerIdentity {
    /// The certificate of a node, from its keys: the same at every start.
    ///
    /// # Errors
    /// [`AppError::Store`].
    pub async fn of(app: &App) -> Result<Self, AppError> {
        let seed = app.cooperation_keys().await?.certificate_seed();
        Self::from_seed(seed).map_err(|_| AppError::Stopped("the node's certificate cannot be made"))
    }

    fn from_seed(seed: &[u8; 32]) -> Result<Self, rcgen::Error> {
        // RFC 8410: a private key of Ed25519 in PKCS #8.
        const BEFORE: [u8; 16] = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
        let key = PrivatePkcs8KeyDer::from([BEFORE.as_slice(), seed].concat());
        let pair = KeyPair::from_pkcs8_der_and_sign_algo(&key, &rcgen::PKCS_ED25519)?;
        let certificate = CertificateParams::new(vec!["sizao-node".to_owned()])?.self_signed(&pair)?;
        Ok(Self { certificate: certificate.der().clone(), key: key.into() })
    }

    /// The certificate, DER: its SHA-256 goes onto the node's card.
    pub fn certificate(&self) -> &[u8] {
        &self.certificate
    }

    fn door(&self) -> Result<Tls, TlsError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_client_cert_verifier(Arc::new(Presenting(provider)))
            .with_single_cert(vec![self.certificate.clone()], self.key.clone_key())?;
        Ok(Tls(TlsAcceptor::from(Arc::new(config))))
    }

    fn connector(&self, expected: [u8; 32]) -> Result<TlsConnector, rustls::Error> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Expecting { provider, expected }))
            .with_client_auth_cert(vec![self.certificate.clone()], self.key.clone_key())?;
        Ok(TlsConnector::from(Arc::new(config)))
    }
}

fn fingerprint(certificate: &CertificateDer<'_>) -> [u8; 32] {
    sizao_app::sha256(certificate)
}

/// Takes any certificate whose key the other side has; who that is, is asked at each request.
#[derive(Debug)]
struct Presenting(Arc<CryptoProvider>);

impl ClientCertVerifier for Presenting {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _certificate: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(rustls::Error::General("peers speak TLS 1.3".to_owned()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// Takes the one certificate that is on record for the peer.
#[derive(Debug)]
struct Expecting {
    provider: Arc<CryptoProvider>,
    expected: [u8; 32],
}

impl ServerCertVerifier for Expecting {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if fingerprint(certificate) == self.expected {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(rustls::Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure))
        }
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(rustls::Error::General("peers speak TLS 1.3".to_owned()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// The digest of the certificate that a peer showed.
#[derive(Clone, Copy, Debug)]
struct Shown(Option<[u8; 32]>);

impl Connected<IncomingStream<'_, TlsDoor>> for Shown {
    fn connect_info(stream: IncomingStream<'_, TlsDoor>) -> Self {
        let (_, connection) = stream.io().get_ref();
        Self(connection.peer_certificates().and_then(|chain| chain.first()).map(fingerprint))
    }
}

#[derive(Deserialize)]
struct Asked {
    after: u64,
    limit: u32,
}

/// What waits for the peer whose certificate was shown: each envelope with its length before it.
async fn outbox(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(Shown(shown)): ConnectInfo<Shown>,
    Query(asked): Query<Asked>,
) -> Response {
    let answer = async {
        let peers = shared.app.open_peers().await?;
        let Some(peer) = peers.into_iter().find(|peer| shown.is_some_and(|shown| peer.certificate == shown)) else {
            tracing::warn!("A node that is not on record came to the door for peers");
            return Ok(StatusCode::FORBIDDEN.into_response());
        };
        let waiting = shared.app.outbox_for(&peer, asked.after, asked.limit.min(LIMIT_MAX)).await?;
        let mut body = Vec::new();
        for sent in waiting {
            if body.len() + sent.envelope.len() > ANSWER_BYTES && !body.is_empty() {
                break;
            }
            body.extend_from_slice(&(sent.envelope.len() as u32).to_be_bytes());
            body.extend_from_slice(&sent.envelope);
        }
        Ok::<_, AppError>(([(header::CONTENT_TYPE, "application/octet-stream")], body).into_response())
    };
    answer.await.unwrap_or_else(|error| {
        tracing::error!(%error, "A peer was not answered");
        StatusCode::SERVICE_UNAVAILABLE.into_response()
    })
}

/// Answers peers on a listener until `stop` becomes true.
///
/// # Errors
/// [`TlsError`], those of the listener.
pub async fn serve_peers(
    listener: TcpListener,
    identity: &PeerIdentity,
    shared: Arc<Shared>,
    mut stop: watch::Receiver<bool>,
) -> Result<(), PeerDoorError> {
    let door = TlsDoor::new(listener, identity.door()?)?;
    let router: Router = Router::new().route("/assist/v1/outbox", get(outbox)).with_state(shared);
    let stopped = async move {
        let _ = stop.wait_for(|stop| *stop).await;
    };
    tokio::select! {
        served = axum::serve(door, router.into_make_service_with_connect_info::<Shown>()) => Ok(served?),
        () = stopped => Ok(()),
    }
}

/// Why the door for peers does not open.
#[derive(Debug, thiserror::Error)]
pub enum PeerDoorError {
    /// The certificate cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The listener failed.
    #[error(transparent)]
    Listener(#[from] std::io::Error),
}

/// Fetching over HTTPS.
#[derive(Debug)]
pub struct HttpTransport {
    identity: Arc<PeerIdentity>,
}

impl HttpTransport {
    /// As this node.
    pub const fn new(identity: Arc<PeerIdentity>) -> Self {
        Self { identity }
    }

    async fn fetch(
        &self,
        address: &str,
        certificate: &[u8],
        path: &str,
    ) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> {
        let expected: [u8; 32] = certificate.try_into()?;
        let stream = TcpStream::connect(address).await?;
        let name = ServerName::try_from("sizao-node")?;
        let stream = self.identity.connector(expected)?.connect(name, stream).await?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        let connection = tokio::spawn(connection);
        let request = Request::get(path).header(header::HOST, "sizao-node").body(Body::empty())?;
        let answer = sender.send_request(request).await?;
        let status = answer.status();
        let body = axum::body::to_bytes(Body::new(answer.into_body()), READ_BYTES_MAX).await?;
        connection.abort();
        if status == StatusCode::OK { Ok(body.to_vec()) } else { Err(format!("the peer answered {status}").into()) }
    }
}

impl Transport for HttpTransport {
    fn pull<'a>(
        &'a self,
        peer: &'a sizao_app::assists::PeerRecord,
        after: u64,
        limit: u32,
    ) -> Brought<'a, Vec<Vec<u8>>> {
        Box::pin(async move {
            if peer.address.is_empty() {
                return Ok(Vec::new());
            }
            let path = format!("/assist/v1/outbox?after={after}&limit={limit}");
            let fetched = tokio::time::timeout(PATIENCE, self.fetch(&peer.address, &peer.certificate, &path)).await;
            let body = fetched
                .map_err(|_| TransportError("the peer took too long".to_owned()))?
                .map_err(|error| TransportError(error.to_string()))?;
            split(&body).ok_or_else(|| TransportError("the peer's answer was cut off".to_owned()))
        })
    }
}

/// Envelopes, each with its length before it.
fn split(mut body: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut envelopes = Vec::new();
    while !body.is_empty() {
        let (length, rest) = body.split_first_chunk::<4>()?;
        let length = u32::from_be_bytes(*length) as usize;
        envelopes.push(rest.get(..length)?.to_vec());
        body = &rest[length..];
    }
    Some(envelopes)
}

/// Fetches from every peer, round after round, until `stop` becomes true.
pub async fn follow_peers(app: Arc<App>, transport: impl Transport, mut stop: watch::Receiver<bool>) {
    loop {
        if let Err(error) = fetch_round(&app, &transport).await {
            tracing::error!(%error, "A round with the peers failed; it is tried again");
        }
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            () = tokio::time::sleep(ROUND) => {}
        }
    }
}

async fn fetch_round(app: &App, transport: &dyn Transport) -> Result<(), AppError> {
    for peer in app.open_peers().await? {
        let done = app.exchange_with(transport, &peer).await?;
        if let Some(trouble) = done.trouble {
            tracing::debug!(peer = %peer.node, trouble, "A peer cannot be reached");
        }
        if done.taken.messages > 0 {
            let (messages, refused) = (done.taken.messages, done.taken.refused);
            tracing::info!(peer = %peer.node, messages, refused, "Took in {messages} messages of a peer");
        }
    }
    Ok(())
}
