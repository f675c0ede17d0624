use std::error::Error;

use alloy::signers::Signer as _;
use alloy_primitives::{B256, Signature};
use alloy_signer_aws::{
    AwsSigner, AwsSignerError,
    aws_config::{self, BehaviorVersion, Region, retry::RetryConfig},
    aws_sdk_kms::{
        Client,
        config::{
            Builder, ConfigBag, Intercept, RuntimeComponents,
            interceptors::{
                BeforeDeserializationInterceptorContextRef, BeforeTransmitInterceptorContextRef,
            },
        },
        error::{BoxError, ProvideErrorMetadata, SdkError},
    },
};
use seed_chain::{SignerFault, complete_signature};

use super::AwsKey;

/// The most bytes of an answer; a signature or a public key has a few hundred.
const MAX_ANSWER: u64 = 64 * 1024;

/// Asks AWS KMS for the public key. Login, region and endpoint are those of every AWS program: environment, profile,
/// the machine's role.
pub(super) async fn open(name: &str, key: &AwsKey) -> Result<AwsSigner, SignerFault> {
    // No second try: whoever asks can ask again, and a limit of time then means what it says.
    let mut loader =
        aws_config::defaults(BehaviorVersion::latest()).retry_config(RetryConfig::disabled());
    if let Some(region) = key.region() {
        loader = loader.region(Region::new(region.to_owned()));
    }
    let shared = loader.load().await;
    let config = Builder::from(&shared).interceptor(Bounds).build();
    let client = Client::from_conf(config);
    let opened = AwsSigner::new(client, key.as_str().to_owned(), None).await;
    opened.map_err(|error| fault(name, "public key", error))
}

/// Has a hash signed, and makes the one signature of the account that contracts accept from the answer.
pub(super) async fn sign(
    name: &str,
    aws: &AwsSigner,
    hash: &B256,
) -> Result<Signature, SignerFault> {
    let signed = aws.sign_digest(hash).await;
    let signed = signed.map_err(|error| fault(name, "signature", error))?;
    let signature = Signature::from_signature_and_parity(signed, false);
    complete_signature(name, &signature, hash, aws.address())
}

fn fault(name: &str, what: &'static str, error: AwsSignerError) -> SignerFault {
    let signer = name.to_owned();
    match error {
        AwsSignerError::Sign(error) => SignerFault::Unavailable {
            signer,
            why: why(&error),
        },
        AwsSignerError::GetPublicKey(error) => SignerFault::Unavailable {
            signer,
            why: why(&error),
        },
        error => SignerFault::Malformed {
            signer,
            what,
            why: error.to_string(),
        },
    }
}

/// What the service says, or else the last cause of why it says nothing.
fn why<E>(error: &SdkError<E>) -> String
where
    E: ProvideErrorMetadata + Error + 'static,
{
    match (error.code(), error.message()) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(code), None) => code.to_owned(),
        _ => {
            let mut last: &dyn Error = error;
            while let Some(cause) = last.source() {
                last = cause;
            }
            format!("{error}: {last}")
        }
    }
}

/// Keeps questions off plain HTTP, except to this machine, and answers small.
#[derive(Debug)]
struct Bounds;

impl Intercept for Bounds {
    fn name(&self) -> &'static str {
        "Bounds"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let endpoint = context.request().uri();
        let known = reqwest::Url::parse(endpoint).ok();
        match known.is_some_and(|url| is_private(&url)) {
            true => Ok(()),
            false => Err("its endpoint is neither https nor http to a loopback address".into()),
        }
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let length = context.response().headers().get("content-length");
        let length: Option<u64> = length.and_then(|text| text.parse().ok());
        match length.is_some_and(|length| length <= MAX_ANSWER) {
            true => Ok(()),
            false => {
                Err(format!("its answer does not say to have at most {MAX_ANSWER} bytes").into())
            }
        }
    }
}

fn is_private(url: &reqwest::Url) -> bool {
    let loopback = match url.host_str().unwrap_or_default().trim_matches(['[', ']']) {
        "localhost" => true,
        host => host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback()),
    };
    url.scheme() == "https" || (url.scheme() == "http" && loopback)
}
