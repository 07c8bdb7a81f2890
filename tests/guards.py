"""Every guard of the service, how to switch it off, and the tests that must notice.

Each edit is the smallest one that takes the guard away and leaves everything else as it is.
"""

from dataclasses import dataclass
from typing import Final

PACKAGE: Final = "layers/core/imgvec"
GUARD: Final = "tests/hostile/test_fetch_guard.py"
URLS: Final = "tests/unit/images/test_urls.py"
ADDRESSES: Final = "tests/unit/images/test_addresses.py"
DECODE: Final = "tests/unit/images/test_decode.py"
INLINE: Final = "tests/unit/images/test_inline.py"
GATE: Final = "tests/unit/consumers/test_gate.py"
METER: Final = "tests/unit/consumers/test_meter.py"
LIMITS: Final = "tests/contract/test_limits.py"
IDEMPOTENCY: Final = "tests/unit/consumers/test_idempotency.py"
ASSETS: Final = "tests/unit/test_assets.py"
OVERLOAD: Final = "tests/hostile/test_overload.py"
BODIES: Final = "tests/hostile/test_hostile_bodies.py"
WIRE: Final = "tests/hostile/test_wire.py"
FILES: Final = "tests/hostile/test_hostile_files.py"
TINY: Final = "tests/hostile/test_tiny_files.py"
MARKED: Final = "tests/hostile/test_marked_words.py"


@dataclass(frozen=True)
class Guard:
    """One guard."""

    name: str
    file: str
    """Below the package."""
    text: str
    """What stands in the file, once."""
    instead: str
    tests: str
    """The narrowest tests that hold it."""


FETCH: Final = (
    Guard(
        "addresses are judged",
        "images/fetch/dial.py",
        "if not allowed and not all(map(is_public, addresses)):",
        "if False:",
        f"{GUARD}::test_a_private_address_is_refused",
    ),
    Guard(
        "every answer is judged",
        "images/fetch/dial.py",
        "not all(map(is_public, addresses))",
        "not any(map(is_public, addresses))",
        f"{GUARD}::test_one_private_answer_refuses_all",
    ),
    Guard(
        "only what was judged is dialled",
        "images/fetch/dial.py",
        "str(address),",
        "host,",
        f"{GUARD}::test_a_name_that_changes_its_answer_is_asked_once",
    ),
    Guard(
        "few addresses are dialled",
        "images/fetch/dial.py",
        "addresses[:MAX_DIALLED]",
        "addresses",
        f"{GUARD}::test_the_next_address_is_tried_when_one_does_not_answer",
    ),
    Guard(
        "IPv4 link-local, the metadata",
        "images/fetch/urls.py",
        'IPv4Network("169.254.0.0/16")',
        'IPv4Network("169.254.0.0/32")',
        f"{ADDRESSES}::test_refused",
    ),
    Guard(
        "IPv6 outside global unicast",
        "images/fetch/urls.py",
        "and address in _GLOBAL_UNICAST_V6",
        "",
        f"{ADDRESSES}::test_refused",
    ),
    Guard(
        "IPv6 that carries IPv4: 6to4",
        "images/fetch/urls.py",
        'IPv6Network("2002::/16")',
        'IPv6Network("2002::/128")',
        f"{ADDRESSES}::test_refused",
    ),
    Guard(
        "IPv6 that carries IPv4: ISATAP",
        "images/fetch/urls.py",
        "and int(address) >> 32 & _ISATAP_MASK != _ISATAP",
        "",
        f"{ADDRESSES}::test_refused",
    ),
    Guard(
        "IPv6 zones",
        "images/fetch/urls.py",
        "address.scope_id is None",
        "True",
        f"{ADDRESSES}::test_refused",
    ),
    Guard(
        "spellings of numbers",
        "images/fetch/urls.py",
        "if _NUMBER.fullmatch(labels[-1]):",
        "if False:",
        f"{URLS}::test_refused_addresses",
    ),
    Guard(
        "host names are host names",
        "images/fetch/urls.py",
        "or not all(_LABEL.fullmatch(label) for label in labels)",
        "",
        f"{URLS}::test_what_is_no_url",
    ),
    Guard(
        "schemes",
        "images/fetch/urls.py",
        'if parts.scheme not in DEFAULT_PORTS or "@" in parts.netloc:',
        'if "@" in parts.netloc:',
        f"{URLS}::test_refused_addresses",
    ),
    Guard(
        "user info",
        "images/fetch/urls.py",
        'or "@" in parts.netloc',
        "",
        f"{URLS}::test_refused_addresses",
    ),
    Guard(
        "control characters and backslashes",
        "images/fetch/urls.py",
        "or _TROUBLE.search(url)",
        "",
        f"{URLS}::test_what_is_no_url",
    ),
    Guard(
        "length of a URL",
        "images/fetch/urls.py",
        "len(url) > MAX_URL or",
        "",
        f"{URLS}::test_the_length_is_bounded",
    ),
    Guard(
        "ports",
        "images/fetch/client.py",
        "(target.host, target.port) not in self._allow",
        "False",
        f"{GUARD}::test_other_ports_are_refused_unless_allowed",
    ),
    Guard(
        "number of redirects",
        "images/fetch/client.py",
        "MAX_REDIRECTS = 3",
        "MAX_REDIRECTS = 4",
        f"{GUARD}::test_the_number_of_redirects_is_exact",
    ),
    Guard(
        "no way out of TLS",
        "images/fetch/urls.py",
        'if target.scheme == "https" and following.scheme != "https":',
        "if False:",
        f"{GUARD}::test_tls_is_not_left_again",
    ),
    Guard(
        "certificates",
        "images/fetch/client.py",
        "return httpcore2.default_ssl_context()",
        "return ssl._create_unverified_context()",
        f"{GUARD}::test_an_unknown_authority_is_a_failed_fetch",
    ),
    Guard(
        "one deadline",
        "images/fetch/client.py",
        "asyncio.timeout(self._timeout)",
        "asyncio.timeout(None)",
        f"{GUARD}::test_redirects_share_the_deadline",
    ),
    Guard(
        "no thread for a stranger's name",
        "images/fetch/client.py",
        "resolve: Resolver = dns_resolve,",
        "resolve: Resolver = system_resolve,",
        "tests/hostile/test_ssrf_table.py::test_look_ups_that_hang_hold_no_thread_and_nobody_up",
    ),
    Guard(
        "the machine's own name",
        "images/fetch/dial.py",
        'if f".{host}".endswith(".localhost"):',
        "if False:",
        "tests/hostile/test_ssrf_table.py::test_row",
    ),
    Guard(
        "bytes while they stream",
        "images/fetch/client.py",
        "if len(body) > self._max_bytes:",
        "if False:",
        f"{GUARD}::test_the_limit_of_bytes_is_exact",
    ),
    Guard(
        "bytes that are announced",
        "images/fetch/client.py",
        "int(value) > self._max_bytes",
        "False",
        f"{GUARD}::test_a_promise_of_too_much_is_refused_at_once",
    ),
    Guard(
        "no compressed body",
        "images/fetch/client.py",
        'or any(value.lower() != b"identity" for value in encodings)',
        "",
        f"{GUARD}::test_anything_but_a_whole_200_is_a_failed_fetch",
    ),
    Guard(
        "only a whole 200",
        "images/fetch/client.py",
        "response.status != 200 or",
        "",
        f"{GUARD}::test_anything_but_a_whole_200_is_a_failed_fetch",
    ),
    Guard(
        "no word of the other side",
        "images/fetch/client.py",
        "        ):\n            raise FetchFailed from None",
        "        ) as problem:\n            raise FetchFailed(str(problem)) from None",
        f"{GUARD}::test_anything_but_a_whole_200_is_a_failed_fetch",
    ),
)

IMAGES: Final = (
    Guard(
        "bytes of an image",
        "images/limits.py",
        "len(data) > limits.max_bytes or",
        "",
        f"{DECODE}::test_bytes_are_judged_first",
    ),
    Guard(
        "pixels before decoding",
        "images/limits.py",
        "image.width * image.height > most or",
        "",
        f"{DECODE}::test_pixels_are_judged_by_the_header_alone",
    ),
    Guard(
        "scans of a JPEG",
        "images/limits.py",
        "data.count(_SCAN) > MAX_SCANS",
        "False",
        f"{DECODE}::test_a_jpeg_of_endless_scans_is_refused",
    ),
    Guard(
        "reads from a file",
        "images/limits.py",
        "if self._left < 0:",
        "if False:",
        f"{FILES}::test_the_refusal_says_too_large",
    ),
    Guard(
        "runs of a BMP",
        "images/formats.py",
        "if runs > MAX_RUNS:",
        "if False:",
        f"{DECODE}::test_run_lengths_are_decoded_up_to_a_number",
    ),
    Guard(
        "pixels for the bytes of a file",
        "images/limits.py",
        "min(limits.max_pixels, max(FREE_PIXELS, PIXELS_A_BYTE * len(data)))",
        "limits.max_pixels",
        f"{TINY}::test_a_tiny_file_costs_little",
    ),
    Guard(
        "tiles of a TIFF",
        "images/limits.py",
        "if tile > most or _decoded(image) > MAX_DECODED * most:",
        "if False:",
        f"{DECODE}::test_pixels_are_judged_by_the_header_alone",
    ),
    Guard(
        "frames",
        "images/limits.py",
        "> limits.max_frames:",
        "> 1e9:",
        f"{DECODE}::test_the_limit_of_frames_is_exact",
    ),
    Guard(
        "a closed list of formats",
        "images/formats.py",
        "            return opener(CountedFile(data))\n    raise NotAnImage",
        "            return opener(CountedFile(data))\n"
        "    from PIL import Image\n\n"
        "    return Image.open(CountedFile(data))",
        f"{DECODE}::test_formats_that_pillow_reads_and_the_contract_does_not_name_are_refused",
    ),
    Guard(
        "damage is a refusal",
        "images/formats.py",
        "        raise NotAnImage from None",
        "        raise",
        f"{DECODE}::test_a_truncated_file_is_refused",
    ),
    Guard(
        "extreme aspects",
        "images/geometry.py",
        "MAX_ASPECT = 100",
        "MAX_ASPECT = 1_000_000",
        f"{DECODE}::test_an_aspect_beyond_100_loses_its_ends_first",
    ),
    Guard(
        "size of base64 before decoding",
        "images/inline.py",
        "if digits * 3 // 4 > max_bytes:",
        "if False:",
        f"{INLINE}::test_the_limit_is_exact",
    ),
    Guard(
        "alphabet of base64",
        "images/inline.py",
        "validate=True",
        "validate=False",
        f"{INLINE}::test_anything_else_is_a_bad_parameter",
    ),
)

CALLERS: Final = (
    Guard(
        "a key is wanted",
        "accounts/authentication.py",
        "if not candidates:",
        "if False:",
        f"{GATE}::test_no_key",
    ),
    Guard(
        "one key and not two",
        "accounts/authentication.py",
        "if len(candidates) > 1:",
        "if False:",
        f"{GATE}::test_two_different_keys_are_refused_though_both_are_good",
    ),
    Guard(
        "checksum of a key",
        "accounts/keys.py",
        "return _checksum(key[:-CHECKSUM_LENGTH]) == key[-CHECKSUM_LENGTH:]",
        "return True",
        "tests/unit/consumers/test_keys.py::test_any_one_changed_character_is_noticed",
    ),
    Guard(
        "the digest is compared",
        "accounts/authentication.py",
        "or not hmac.compare_digest(record.digest, shown)",
        "",
        f"{GATE}::test_a_store_that_answers_with_another_key_lets_nobody_in",
    ),
    Guard(
        "revoked keys",
        "accounts/authentication.py",
        "        if record.revoked is not None:",
        "        if False:",
        f"{GATE}::test_unknown_and_revoked_keys_are_refused_in_the_same_words",
    ),
    Guard(
        "expired keys",
        "accounts/authentication.py",
        "if record.expires is not None and",
        "if False and",
        f"{LIMITS}::test_an_expired_key",
    ),
    Guard(
        "disabled keys",
        "accounts/authentication.py",
        "if record.disabled is not None:",
        "if False:",
        f"{LIMITS}::test_key",
    ),
    Guard(
        "spaces of a plan",
        "accounts/authentication.py",
        "if not plan.allows(dimensions):",
        "if False:",
        f"{LIMITS}::test_space",
    ),
    Guard(
        "rate of a plan",
        "accounts/rate_limit.py",
        "if not granted:",
        "if False:",
        "tests/unit/consumers/test_rate.py::test_bucket",
    ),
)

METERING: Final = (
    Guard(
        "the quota",
        "accounts/metering.py",
        "quota = UNLIMITED if plan is None else plan.held",
        "quota = UNLIMITED",
        f"{METER}::test_the_quota_holds_and_says_what_is_left",
    ),
    Guard(
        "nobody is late",
        "accounts/metering.py",
        "if self._clock() > hold.expires - min(MARGIN_SECONDS, self._hold_seconds / 2):",
        "if False:",
        f"{METER}::test_one_who_comes_late_is_neither_answered_nor_counted",
    ),
    Guard(
        "only what is counted is answered",
        "accounts/metering.py",
        "if not self._store.settle(hold, ticket.label):",
        "self._store.settle(hold, ticket.label)\n            if False:",
        f"{METER}::test_a_hold_that_another_has_recovered_is_not_settled",
    ),
    Guard(
        "what the dead hold comes back",
        "accounts/metering.py",
        "if standing.expired:",
        "if False:",
        f"{METER}::test_what_the_dead_hold_comes_back",
    ),
    Guard(
        "failures are not counted",
        "embedding/metered.py",
        "client disconnects.\n            await self._stores.run(self._meter.release, ticket)",
        "client disconnects.\n            await self._stores.run(self._meter.settle, ticket)",
        "tests/contract/test_faults.py::test_fault_is_not_counted_and_not_the_end",
    ),
    Guard(
        "one Idempotency-Key, one request",
        "accounts/idempotency.py",
        "if found.asked != context.fingerprint and",
        "if False and",
        IDEMPOTENCY,
    ),
    Guard(
        "a replay has the same bytes",
        "accounts/idempotency.py",
        "return (found.content, found.revision) == (mine.content, mine.revision)",
        "return True",
        IDEMPOTENCY,
    ),
    Guard(
        "twins wait for each other",
        "accounts/idempotency.py",
        "if not found.settled and found.hold.expires > self._clock():",
        "if False:",
        IDEMPOTENCY,
    ),
)

BOUNDARY: Final = (
    Guard(
        "no fault escapes",
        "api/boundary.py",
        "        except Exception as fault:",
        "        except ZeroDivisionError as fault:",
        "tests/contract/test_faults.py::test_fault_in_the_dialects_words",
    ),
    Guard(
        "no message of a fault in the log",
        "api/boundary.py",
        'sentence = f" ({fault})" if isinstance(fault, ImgvecError) else ""',
        'sentence = f" ({fault})"',
        "tests/contract/test_faults.py::test_fault_in_the_dialects_words",
    ),
    Guard(
        "no path in the log",
        "api/boundary.py",
        'return str(getattr(scope.get("route"), "path", "(unknown path)"))',
        'return str(scope["path"])',
        f"{MARKED}::test_no_mark_is_in_a_log",
    ),
    Guard(
        "no tracer hears of a request",
        "api/application.py",
        "telemetry=UNTRACED,",
        "telemetry=None,",
        "tests/hostile/test_untraced.py",
    ),
    Guard(
        "no line of the server's own",
        "cli/serve.py",
        "access_log=False,\n        log_config=None,",
        "access_log=True,",
        f"{MARKED}::test_no_mark_is_in_a_log",
    ),
    Guard(
        "body, while it streams",
        "api/request.py",
        "if seen > limit:",
        "if False:",
        f"{WIRE}::test_an_endless_body_is_refused_while_it_comes",
    ),
    Guard(
        "body, as announced",
        "api/request.py",
        "if announced.isdecimal() and",
        "if False and",
        f"{WIRE}::test_a_length_over_the_limit_is_refused_unread",
    ),
    Guard(
        "parts of a form",
        "api/bodies.py",
        "MAX_PARTS: Final = 32",
        "MAX_PARTS: Final = 3200",
        f"{BODIES}::test_multipart",
    ),
    Guard(
        "escapes of a form",
        "api/bodies.py",
        'or body.count(b"%") > MAX_ESCAPES',
        "",
        f"{BODIES}::test_no_body_costs_much_more_than_its_length",
    ),
    Guard(
        "depth of JSON",
        "api/bodies.py",
        "if brackets > MAX_DEPTH and _depth_passed(parsed):",
        "if False:",
        f"{BODIES}::test_json",
    ),
    Guard(
        "no fields twice",
        "api/fields.py",
        "if len(values) > 1:",
        "if False:",
        "tests/unit/test_fields.py",
    ),
)

UPLOADS: Final = (
    Guard(
        "files of another consumer",
        "assets/service.py",
        "if asset.consumer != consumer:",
        "if False:",
        ASSETS,
    ),
    Guard(
        "token of a signed address",
        "assets/service.py",
        'if not hmac.compare_digest(asset.upload_token or "", _digest(token)):',
        "if False:",
        ASSETS,
    ),
    Guard(
        "age of a signed address",
        "assets/service.py",
        "or self._clock() >= asset.created + UPLOAD_SECONDS",
        "",
        ASSETS,
    ),
    Guard(
        "size of an upload",
        "assets/service.py",
        "if size > self._max_bytes:",
        "if False:",
        ASSETS,
    ),
    Guard(
        "no half upload is read",
        "assets/lifecycle.py",
        'if asset.status == "SUCCESS" else None',
        "",
        ASSETS,
    ),
    Guard(
        "names of files",
        "assets/service.py",
        "last = _SEPARATOR.split(name)[-1]",
        "last = name",
        "tests/unit/test_filenames.py",
    ),
    Guard(
        "no id in a path",
        "stores/folder.py",
        "name = hashlib.sha256(asset_id.encode()).hexdigest()",
        "name = asset_id",
        "tests/unit/stores/test_folder_blobs.py::test_no_id_takes_part_in_a_path",
    ),
    Guard(
        "only the owner may look",
        "stores/folder.py",
        "self._folder.chmod(0o700)",
        "self._folder.chmod(0o755)",
        "tests/unit/stores/test_folder_blobs.py::test_only_the_owner_may_look",
    ),
    Guard(
        "a stranger's file is no page",
        "dialects/memories/assets.py",
        'disposition = f"attachment;',
        'disposition = f"inline;',
        "tests/contract/test_memories_assets.py::test_download",
    ),
)

CROWDS: Final = (
    Guard(
        "refused before it is read",
        "api/intake.py",
        "return self._rejection() if (method, path) in self._paths.computing else None",
        "return None",
        f"{OVERLOAD}::test_what_finds_no_place_is_refused_unread_and_uncounted",
    ),
    Guard(
        "a refused body is not parsed",
        "http/protocol.py",
        "if unread and not self.transport.is_closing():",
        "if False:",
        f"{OVERLOAD}::test_a_refused_body_is_not_parsed",
    ),
    Guard(
        "a head comes in small pieces",
        "http/protocol.py",
        "return _HEAD if self._idle() else _BODY",
        "return _BODY",
        f"{OVERLOAD}::test_a_refused_body_is_not_parsed",
    ),
    Guard(
        "a head has so many bytes",
        "http/protocol.py",
        "MOST_HEAD: Final = 1 << 16",
        "MOST_HEAD: Final = 1 << 26",
        f"{WIRE}::test_headers_without_end",
    ),
    Guard(
        "no more is thrown away than was announced",
        "http/protocol.py",
        "return _WASTE[: self._size]",
        "return _WASTE",
        f"{WIRE}::test_nothing_of_a_refused_body_is_a_request",
    ),
    Guard(
        "nor less",
        "http/protocol.py",
        "self._taken += len(event.data)",
        "pass",
        f"{WIRE}::test_nothing_of_a_refused_body_is_a_request",
    ),
    Guard(
        "an answer may go on while a body is thrown away",
        "http/protocol.py",
        "self._protocol.resume_writing()",
        "pass",
        f"{OVERLOAD}::test_a_whole_answer_that_is_taken_late_and_a_body_that_comes_late",
    ),
    Guard(
        "no request behind a chunked body that is refused",
        "http/server.py",
        '"transfer-encoding" in headers or (',
        "(",
        f"{WIRE}::test_nothing_follows_a_refused_body_whose_end_is_in_doubt",
    ),
    Guard(
        "no request in the place of a body",
        "http/server.py",
        '"expect" in headers or',
        "",
        f"{WIRE}::test_nothing_follows_a_refused_body_whose_end_is_in_doubt",
    ),
    Guard(
        "a long body ends its connection",
        "http/server.py",
        "or int(length) > MOST_UNREAD",
        "",
        f"{WIRE}::test_nothing_follows_a_refused_body_whose_end_is_in_doubt",
    ),
    Guard(
        "who is still sending sees the answer",
        "http/protocol.py",
        "if self.is_closing() or not self._unread():",
        "if True:",
        f"{WIRE}::test_a_refused_body_that_ends_leaves_its_client_an_answer",
    ),
    Guard(
        "but is not listened to for ever",
        "http/protocol.py",
        "self._loop.call_later(LINGER_SECONDS, self._close)",
        "self._loop.call_later(3600, self._close)",
        f"{WIRE}::test_nobody_reads_an_endless_body_for_ever",
    ),
    Guard(
        "the line is bounded",
        "embedding/limiter.py",
        "        if rejection is not None:",
        "        if False:",
        "tests/unit/embedding/test_limiter.py::test_the_line_is_as_long_as_its_wait_is_short",
    ),
    Guard(
        "nothing is computed for a client that has left",
        "http/server.py",
        "self._presence.reschedule(0)",
        "pass",
        f"{OVERLOAD}::test_who_hangs_up_leaves_its_place_and_is_not_encoded",
    ),
    Guard(
        "no more is read than there is room for",
        "embedding/limiter.py",
        "while self._read and",
        "while False and",
        f"{OVERLOAD}::test_images_from_elsewhere_wait_for_room",
    ),
    Guard(
        "bodies are bounded together",
        "api/intake.py",
        "if self._in_flight.crowded(self.size):",
        "if False:",
        f"{OVERLOAD}::test_bodies_are_bounded_together",
    ),
    Guard(
        "what was fetched counts as bodies do",
        "embedding/limiter.py",
        "if self.crowded(size):",
        "if False:",
        f"{OVERLOAD}::test_bodies_are_bounded_together",
    ),
    Guard(
        "a body has one deadline",
        "api/intake.py",
        "asyncio.timeout_at(self._deadline)",
        "asyncio.timeout_at(self._deadline + 3600)",
        f"{OVERLOAD}::test_slow_bodies_hold_no_place_and_end",
    ),
    Guard(
        "a head has a deadline",
        "http/protocol.py",
        "self.loop.call_later(HEAD_SECONDS, self.transport.abort)",
        "self.loop.call_later(3600, self.transport.abort)",
        f"{OVERLOAD}::test_head_that_does_not_come",
    ),
    Guard(
        "an answer must be taken",
        "http/protocol.py",
        "self._taking = self.loop.call_later(TAKE_SECONDS, self.transport.abort)",
        "pass",
        f"{OVERLOAD}::test_answer_that_nobody_takes",
    ),
    Guard(
        "a file goes out in pieces",
        "api/streaming.py",
        "PIECE: Final = 1 << 18",
        "PIECE: Final = 1 << 28",
        "tests/hostile/test_downloads.py::test_readers_that_read_nothing_hold_little",
    ),
    Guard(
        "nothing new is begun while stopping",
        "api/intake.py",
        "if self._in_flight.draining:",
        "if False:",
        "tests/unit/cli/test_cli_serve.py::test_signal_lets_a_request_finish",
    ),
    Guard(
        "not ready without a store",
        "services.py",
        "self.store.find_key(NOBODYS)",
        "pass",
        "tests/hostile/test_broken_stores.py::test_damaged_database",
    ),
    Guard(
        "ONNX Runtime reports to nobody",
        "__init__.py",
        'os.environ["ORT_DISABLE_TELEMETRY"] = "1"',
        "pass",
        "tests/unit/encoders/test_graph.py::test_onnx_runtime_reports_to_nobody",
    ),
)

PAGE: Final = (
    Guard(
        "the page with the keys asks its own server alone",
        "api/docs.py",
        "default-src 'none'; ",
        "",
        "tests/unit/test_docs_page.py::"
        "test_page_and_its_files_are_served_with_what_keeps_strangers_out",
    ),
    Guard(
        "only the page's own files are served",
        "api/docs.py",
        'ASSETS.get(request.path_params["name"])',
        '(PAGES / request.path_params["name"])',
        "tests/unit/test_docs_page.py::test_no_other_file_is_served",
    ),
)

ENCODERS: Final = (
    Guard(
        "weights are compared once the runtime has mapped them",
        "encoders/graph.py",
        "        verify_weights(folder, file)\n",
        "        pass\n",
        "tests/unit/encoders/test_weights.py",
    ),
    Guard(
        "weights of another size are never mapped",
        "encoders/integrity.py",
        "        with _opened(folder, file.weights):\n            return",
        "        if True:\n            return",
        "tests/unit/encoders/test_weights.py",
    ),
    Guard(
        "weights decide the revision",
        "encoders/manifest.py",
        '"image": {"sha256": True, "weights": {"sha256"}},',
        '"image": {"sha256"},',
        "tests/unit/encoders/test_weights.py",
    ),
)

GUARDS: Final = (
    *CROWDS,
    *FETCH,
    *IMAGES,
    *CALLERS,
    *METERING,
    *BOUNDARY,
    *UPLOADS,
    *PAGE,
    *ENCODERS,
)
