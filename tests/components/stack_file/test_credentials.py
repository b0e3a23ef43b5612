"""Which options and variables of credential plug-ins carry a credential, by the plug-ins' own pages.

Every flag of ``kubelogin get-token`` of int128/kubelogin (docs/usage.md) and Azure/kubelogin (docs/book/src/cli/get-token.md), with
the type that the page gives it; and every variable that the second page and the clouds' command lines name.
"""

from __future__ import annotations

import json

import pytest
import yaml

from mendix_registry.settings.credentials import in_url
from mendix_registry.stack_file.rules import kubeconfig

OIDC_LOGIN = """
oidc-issuer-url string, oidc-client-id string, oidc-client-secret string, oidc-extra-scope strings, oidc-use-access-token,
force-refresh, token-cache-dir string, token-cache-storage string, certificate-authority stringArray,
certificate-authority-data stringArray, insecure-skip-tls-verify, tls-renegotiation-once, tls-renegotiation-freely,
oidc-pkce-method string, grant-type string, listen-address strings, skip-open-browser, browser-command string,
authentication-timeout-sec int, local-server-cert string, local-server-key string, open-url-after-authentication string,
oidc-redirect-url-hostname string, oidc-redirect-url-authcode-keyboard string, oidc-auth-request-extra-params stringToString,
username string, password string, add_dir_header, alsologtostderr, log_backtrace_at traceLocation, log_dir string, log_file string,
log_file_max_size uint, logtostderr, one_output, skip_headers, skip_log_headers, stderrthreshold severity, v Level,
vmodule moduleSpec
"""
AZURE = """
authority-host string, client-certificate string, client-certificate-password string, client-id string, client-secret string,
environment string, federated-token-file string, identity-resource-id string, legacy, login string, password string, pop-enabled,
pop-claims string, server-id string, tenant-id string, token-cache-dir string, use-azurerm-env-vars, username string, logtostderr
"""
SECRET_FLAGS = {"oidc-client-secret", "password", "client-certificate-password", "client-secret"}

VARIABLES = [
    "AZURE_AUTHORITY_HOST",
    "AAD_SERVICE_PRINCIPAL_CLIENT_CERTIFICATE",
    "AZURE_CLIENT_CERTIFICATE_PATH",
    "AAD_SERVICE_PRINCIPAL_CLIENT_ID",
    "AZURE_CLIENT_ID",
    "AZURE_FEDERATED_TOKEN_FILE",
    "AAD_LOGIN_METHOD",
    "AZURE_TENANT_ID",
    "AAD_USER_PRINCIPAL_NAME",
    "AZURE_USERNAME",
    "ARM_CLIENT_ID",
    "ARM_CLIENT_CERTIFICATE_PATH",
    "ARM_TENANT_ID",
    "AWS_PROFILE",
    "AWS_REGION",
    "AWS_ACCESS_KEY_ID",
    "AWS_ROLE_ARN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "CLOUDSDK_AUTH_ACCESS_TOKEN_FILE",
    "USE_GKE_GCLOUD_AUTH_PLUGIN",
]
SECRET_VARIABLES = [
    "AAD_SERVICE_PRINCIPAL_CLIENT_CERTIFICATE_PASSWORD",
    "AZURE_CLIENT_CERTIFICATE_PASSWORD",
    "AAD_SERVICE_PRINCIPAL_CLIENT_SECRET",
    "AZURE_CLIENT_SECRET",
    "AAD_USER_PRINCIPAL_PASSWORD",
    "AZURE_PASSWORD",
    "ARM_CLIENT_SECRET",
    "ARM_CLIENT_CERTIFICATE_PASSWORD",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "DIGITALOCEAN_ACCESS_TOKEN",
    "SCW_SECRET_KEY",
    "IBMCLOUD_API_KEY",
    "VAULT_TOKEN",
    "EXOSCALE_API_SECRET",
    "PGPASSWORD",
]

SECRET = "Zx8~q.9kVe-17"  # the value must never be in an answer


def plug_in(**exec_: object) -> str:
    return yaml.safe_dump({"users": [{"name": "deployer", "user": {"exec": {"command": "plug-in", **exec_}}}]})


@pytest.mark.parametrize("apart", [True, False])
@pytest.mark.parametrize("flag", [*OIDC_LOGIN.split(","), *AZURE.split(",")], ids=str.strip)
def test_only_flags_that_carry_credentials_are_found(flag: str, apart: bool) -> None:
    name, *takes_value = flag.split()
    given = ([f"--{name}", SECRET] if apart else [f"--{name}={SECRET}"]) if takes_value else [f"--{name}"]
    found = kubeconfig.credential(plug_in(args=["get-token", *given, "--other"]))
    assert found == (f"the argument --{name}" if name in SECRET_FLAGS else None)


@pytest.mark.parametrize("first", ["name", "value"])
@pytest.mark.parametrize("name", [*VARIABLES, *SECRET_VARIABLES])
def test_only_variables_that_carry_credentials_are_found(name: str, first: str) -> None:
    entry = {"name": name, "value": SECRET}
    text = json.dumps({"env": [dict(sorted(entry.items(), reverse=first == "value"))]})
    assert kubeconfig.credential(text) == (f"the variable {name}" if name in SECRET_VARIABLES else None)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (f"user:\n  token: &t\n    {SECRET}", "token"),
        (f"user:\n  token: >-\n    {SECRET}", "token"),
        (f"a: &a [--client-secret, {SECRET}]\nexec: {{args: *a}}", "the argument --client-secret"),
        (f"token: ''\n---\ntoken: {SECRET}", "token"),
        (f"token: {SECRET}\ntoken: ''", "token"),
        (f'{{\n\t"token": "{SECRET}"\n}}', "token"),
        (f"args: [-c, 'curl -u me:{SECRET} https://sso.example.com']", "the argument -u"),
        (f"args: [-H, 'Authorization: Bearer {SECRET}']", "an authorization header"),
        (f'args: [-c, \'printf {{\\"token\\":\\"{SECRET}\\"}}\']', "the argument with token"),
        (f"args: ['--oidc-auth-request-extra-params=client_secret={SECRET}']", "the argument client_secret"),
        (f"args: [AWS_SECRET_ACCESS_KEY={SECRET}, aws, eks, get-token]", "the argument AWS_SECRET_ACCESS_KEY"),
        (f"command: plug-in --password {SECRET}", "the argument --password"),
        ("note: eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJkZXBsb3llciJ9.c2lnbmF0dXJl", "a JSON Web Token"),
        ("client-certificate-data: " + "LS0tLS1CRUdJTiBQUklWQVRFIEtFWS0tLS0t" + "A" * 40, "a private key"),
        ("a: &a\n  b: *a", None),
        ("args: [token, -i, production]\ncommand: aws-iam-authenticator", None),
        ("user: {tokenFile: /var/run/token, client-key: /keys/client.pem, password: null, token: }", None),
    ],
)
def test_a_credential_is_found_however_it_is_written(text: str, found: str | None) -> None:
    answer = kubeconfig.credential(text)
    assert answer == found
    assert SECRET not in str(answer)


@pytest.mark.parametrize("text", [f"token: [{SECRET}", f"\x00{SECRET}", f"a: b: {SECRET}", f"%{SECRET}\n---"])
def test_a_text_that_is_not_yaml_is_never_repeated(text: str) -> None:
    with pytest.raises(ValueError, match="not YAML") as error:
        kubeconfig.credential(text)
    assert SECRET not in str(error.value)


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("https://files.example.com/a.mda?v=1;token=x", "the parameter token"),
        ("https://files.example.com/a.mda;token=x", "the parameter token"),
        ("https://files.example.com/a.mda#access_token=x", "the parameter access_token"),
        ("https://files.example.com/a.mda?X-Goog-Signature=x", "the parameter X-Goog-Signature"),
        ("https://files.example.com/a;v=1/tokens.mda?version=2#top", None),
    ],
)
def test_a_credential_is_found_anywhere_in_a_url(url: str, found: str | None) -> None:
    assert in_url(url) == found
