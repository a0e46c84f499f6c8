"""How a made page is sealed: its headers, its frame, and the Chromium lines that our own headers cause.

The check, the preview and the card use the same values, so that what was checked is what is opened (DESIGN §8).
Measured against 162 attack pages in Chromium 156; Connection-Allowlist needs Chrome 152 or newer, elsewhere the
content policy and the frame stop everything but WebRTC and DNS hints.
"""

import base64
import hashlib
from pathlib import Path

SANDBOX = (
    "allow-scripts allow-forms"  # without allow-forms a page's onsubmit never fires; form-action stops the post
)
_DENIED = (
    "accelerometer", "autoplay", "camera", "clipboard-read", "clipboard-write", "display-capture",
    "encrypted-media", "fullscreen", "gamepad", "geolocation", "gyroscope", "hid", "identity-credentials-get",
    "idle-detection", "keyboard-map", "local-fonts", "magnetometer", "microphone", "midi", "otp-credentials",
    "payment", "picture-in-picture", "publickey-credentials-create", "publickey-credentials-get",
    "screen-wake-lock", "serial", "storage-access", "sync-xhr", "usb", "window-management",
    "xr-spatial-tracking",
)  # fmt: skip
ALLOW = "; ".join(f"{name} 'none'" for name in _DENIED)
FRAME = {"sandbox": SANDBOX, "allow": ALLOW, "referrerpolicy": "no-referrer", "credentialless": ""}

_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval' 'wasm-unsafe-eval' blob:; "
    "style-src 'unsafe-inline'; img-src data: blob:; font-src data:; media-src data: blob:; "
    "connect-src data: blob:; worker-src blob:; child-src 'none'; frame-src 'none'; object-src 'none'; "
    "manifest-src 'none'; base-uri 'none'; form-action 'none'; "
)

# What a copy on a person's own disk says of itself: the same, without what only a header may say (frames, sandbox).
COPY_POLICY = _POLICY.strip("; ")

# Exact texts that Chromium prints because of our own headers; filtered by equality and by nothing else.
KNOWN_CONSOLE_LINES: frozenset[str] = frozenset()


def document_headers(app_origin: str, *, single_origin: bool = False) -> dict[str, str]:
    """The headers of a made document. `app_origin` is the only one that may frame it."""
    return _headers(_POLICY + f"frame-ancestors {app_origin}; sandbox {SANDBOX}", single_origin=single_origin)


def _headers(policy: str, *, single_origin: bool) -> dict[str, str]:
    headers = {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": policy,
        "Connection-Allowlist": "(response-origin)",
        "Permissions-Policy": ", ".join(f"{name}=()" for name in _DENIED),
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Resource-Policy": "same-origin" if single_origin else "cross-origin",
        "Origin-Agent-Cluster": "?1",
        "X-DNS-Prefetch-Control": "off",
        "X-Robots-Tag": "noindex, nofollow",
        "Cache-Control": "no-store",
    }
    if not single_origin:  # on the plain http of a home network browsers ignore it, loudly
        headers["Cross-Origin-Opener-Policy"] = "same-origin"
    return headers


def host_headers(nonce: str, frame_source: str) -> dict[str, str]:
    """The headers of the page that frames a document in the check: those of the app's own pages that matter."""
    return {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": (
            f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; frame-src {frame_source}; "
            "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
        ),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Cache-Control": "no-store",
    }


# --- the draft: a page that is painted while it is being written ------------------------------------------------

_DRAFT_SCRIPT = Path(__file__).with_name("draft.js").read_text(encoding="utf-8")
_DRAFT_HASH = base64.b64encode(hashlib.sha256(_DRAFT_SCRIPT.encode()).digest()).decode()


def draft_document() -> str:
    """The page that receives text over a port and writes it into itself; no script but its own can run in it."""
    return f"<!doctype html><meta charset=utf-8><title>Draft</title><script>{_DRAFT_SCRIPT}</script>"


def draft_headers(app_origin: str, *, single_origin: bool = False) -> dict[str, str]:
    policy = _POLICY.replace(
        "'unsafe-inline' 'unsafe-eval' 'wasm-unsafe-eval' blob:", f"'sha256-{_DRAFT_HASH}'", 1
    )
    return _headers(policy + f"frame-ancestors {app_origin}; sandbox {SANDBOX}", single_origin=single_origin)
