"""The whole service on one machine, as template.yaml describes it."""

import os
import secrets
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from local import configuration, template
from local.aws import REGION, Aws
from local.cors import cors
from local.door import Door, everyone
from local.environment import Code
from local.first_keys import first_keys
from local.gateway import Gateway
from local.persistence.holder import held
from local.persistence.ports import last_port, note_port
from local.pump import Pump
from local.subscriber import Subscriber
from local.workers import Environment, Pool, preload, wait_until_preloaded

if TYPE_CHECKING:
    from local.built import Built
    from local.identity.provider import IdentityProvider

NETWORK = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")
"""What a machine may need to reach a PACS: all that functions inherit from the process's environment."""

WHOLE = {"": "", "o3": "", "dicomweb": "/dicom-web"}
"""Dialects whose PACS the embedded one is with all it has, and where their tree begins; of others it plays the part."""


@dataclass(frozen=True)
class Settings:
    """How a stack is run.

    `port` 0 is any free one. `data_dir` keeps the PACS's files and the contents of AWS's stores; without one all of it
    is gone at the end. `variables` are those of the service's configuration, others are ignored. With `auth` callers
    are checked, as a deployment does; else the API lets everybody in. The folders of the functions stand beside the
    `template`; where `built` is the output of `sam build`, they run from there in the real Lambda runtime.
    """

    port: int = 0
    data_dir: Path | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    template: Path = configuration.TEMPLATE
    auth: bool = False
    built: Path | None = field(default_factory=configuration.built)


class LocalStack:
    """The stack, from `start` to `stop` or as a context manager.

    `url` is the API's, `pacs_url` the PACS's, embedded or not; `resources` are the template's, resolved. Where callers
    are checked, `keys` are the API keys that there are from the start, by what they are called, and
    `identity_provider` gives out tokens unless JWT_ISSUER names another.
    """

    def __init__(self, settings: Settings | None = None) -> None:
        """Takes the port; raises OSError where another has it."""
        self.settings = settings or Settings()
        self._running = ExitStack()
        self._gateway = Gateway(self.settings.port)
        self.url = self._gateway.url
        self._aws_folder = self.settings.data_dir / "aws" if self.settings.data_dir else None
        self.aws = Aws(self._aws_folder)
        self._pools: dict[str, Pool] = {}
        self.resources: dict[str, Any] = {}
        self.pacs_url = ""
        self.keys: dict[str, str] = {}
        self.identity_provider: IdentityProvider | None = None

    def start(self) -> Self:
        """Returns when everything answers; what was begun is ended again where something fails.

        Raises ConfigurationError before anything is begun, and OSError where the data cannot be used: they are damaged,
        or another stack has them.
        """
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def _start(self) -> None:
        configuration.check(self.settings.variables)
        if self._aws_folder:
            self._running.enter_context(held(self._aws_folder))
        preload()
        self.aws.start()
        self._running.callback(self.aws.stop)
        document = template.load(self.settings.template)
        self._built = self._find_built(document)
        variables = self._variables()
        parameters = configuration.parameters(document, variables)
        translated = template.translate(document, parameters, REGION)
        self.resources = self.aws.create(translated, parameters)
        for name, function in template.functions(self.resources).items():
            self._pools[name] = self._pool(self._code(function), function.concurrency)
            self._running.callback(self._pools[name].end)
        self._pump = Pump(self.resources, self.aws, self.invoke)
        self._running.callback(self._pump.stop)
        self._pump.start()
        wait_until_preloaded()
        routes, authorize = template.routes(self.resources), everyone
        if self.settings.auth:
            table = self.resources["CreateApiKey"]["Properties"]["Environment"]["Variables"]["API_KEYS_TABLE"]
            self.keys = first_keys(self.aws.client("dynamodb"), table, self._aws_folder)
            authorize = Door(self.invoke).context
        self._gateway.start(routes, self._answer, cors(document, parameters), authorize)

    def _pool(self, code: Code, most: int) -> Pool:
        if self._built is None:
            return Pool(code, most, partial(Environment, code))
        from local.runtime import RuntimeEnvironment

        path = self._built.path(code.name)
        return Pool(code, most, partial(RuntimeEnvironment, code.name, path, code.variables, code.timeout))

    def _find_built(self, document: Mapping[str, Any]) -> "Built | None":
        if self.settings.built is None or self.settings.template != configuration.TEMPLATE:
            return None
        from local.built import Built
        from local.runtime import runtime_folder

        folder = Path(self._running.enter_context(tempfile.TemporaryDirectory(prefix="dicom-service-runtime-")))
        return Built(self.settings.built, runtime_folder(folder / "runtime"), dict(document))

    def stop(self) -> None:
        """Ends every server, process and thread of the stack, and removes what was temporary."""
        self._gateway.stop()
        self._running.close()

    def invoke(self, function: str, event: Mapping[str, Any]) -> Any:
        """A function's answer, by its logical id; raises InvocationError."""
        return self._pools[function].invoke(event)

    def _answer(self, function: str, event: Mapping[str, Any]) -> Any:
        try:
            return self.invoke(function, event)
        finally:
            self._pump.wake()

    def _variables(self) -> dict[str, str]:
        """The service's configuration: what is given, and around it what the stack itself brings along."""
        variables = {name: value for name, value in self.settings.variables.items() if value}
        if "CALLBACK_URLS" not in variables:
            subscriber = Subscriber(last_port(self._aws_folder, "subscriber"))
            subscriber.start()
            note_port(self._aws_folder, "subscriber", subscriber.port)
            self._running.callback(subscriber.stop)
            variables["CALLBACK_URLS"] = subscriber.url
        if "PACS_SERVICE_URL" not in variables:
            self._start_pacs(variables)
        if self.settings.auth and "JWT_ISSUER" not in variables:
            self._start_identity_provider(variables)
        self.pacs_url = variables["PACS_SERVICE_URL"]
        return variables

    def _start_identity_provider(self, variables: dict[str, str]) -> None:
        from local.identity.provider import AUDIENCE, IdentityProvider

        provider = IdentityProvider(self._aws_folder, last_port(self._aws_folder, "identity"))
        provider.start()
        note_port(self._aws_folder, "identity", provider.port)
        self._running.callback(provider.stop)
        variables["JWT_ISSUER"] = provider.issuer
        variables.setdefault("JWT_AUDIENCE", AUDIENCE)
        self.identity_provider = provider

    def _start_pacs(self, variables: dict[str, str]) -> None:
        """Starts the embedded PACS, which is its own viewer too, and adds how it is reached to the configuration."""
        from local.pacs.manners import MANNERS
        from local.pacs.server import EmbeddedPacs, PacsSettings

        dialect = variables.get("PACS_DIALECT", "")
        for key in ("PACS_AUTHORIZATION_TOKEN", "VIEWER_AUTHORIZATION_TOKEN"):
            variables.setdefault(key, secrets.token_urlsafe(24))
        data_dir = self.settings.data_dir or Path(
            self._running.enter_context(tempfile.TemporaryDirectory(prefix="dicom-service-"))
        )
        pacs = self._running.enter_context(
            EmbeddedPacs(
                PacsSettings(
                    data_dir,
                    authorization=variables["PACS_AUTHORIZATION_TOKEN"],
                    viewer_authorization=variables["VIEWER_AUTHORIZATION_TOKEN"],
                    webhook_url=f"{self.url}/new-exam-callback",
                    webhook_authorization=variables.get("CALLBACK_SECRET", ""),
                    manner=dialect if dialect in MANNERS and dialect not in WHOLE else "",
                )
            )
        )
        variables["PACS_SERVICE_URL"] = pacs.url + WHOLE[dialect] if dialect in WHOLE else pacs.base_url
        variables.setdefault("PACS_AUTHORIZATION", "verbatim")
        variables.setdefault("DICOM_VIEWER_URL", pacs.url)

    def _code(self, function: template.Function) -> Code:
        module, _, attribute = function.handler.rpartition(".")
        name = Path(function.folder).name
        variables = {name: os.environ[name] for name in NETWORK if name in os.environ}
        variables |= {
            **self.aws.environment,
            "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
            "AWS_LAMBDA_FUNCTION_NAME": name,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory),
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{name}",
            "LANG": "en_US.UTF-8",
            "PATH": os.defpath,
            "TZ": ":UTC",
            "_HANDLER": function.handler,
            **function.environment,
        }
        root = self.settings.template.parent
        dotted = f"{function.folder.replace('/', '.')}.{module}"
        return Code(name, root, dotted, attribute, function.timeout, function.memory, variables)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()
