"""What can be asked over HTTP, in the words of OpenAPI 3.1."""

from typing import Any

from tl_core.serving.asking import MAX_BYTES, MAX_IMAGES, MAX_TOP

_ANSWER = {
    "type": "object",
    "required": ["image", "top", "error"],
    "additionalProperties": False,
    "properties": {
        "image": {"type": "string", "description": "The file's name as it was sent, or 'image'."},
        "top": {
            "type": "array",
            "description": "The likeliest classes first; empty where the image cannot be used.",
            "items": {
                "type": "object",
                "required": ["class", "confidence"],
                "additionalProperties": False,
                "properties": {
                    "class": {"type": "string"},
                    "confidence": {"type": "number", "minimum": 0, "maximum": 1},
                },
            },
        },
        "error": {"type": ["string", "null"], "description": "Why the image cannot be used."},
    },
}
_ANSWERS = {
    "type": "object",
    "required": ["run_id", "answers"],
    "properties": {
        "run_id": {"type": "string"},
        "answers": {"type": "array", "items": {"$ref": "#/components/schemas/Answer"}},
        "error": {"type": "string", "description": "Only where no image could be used."},
    },
}
_ERROR = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {"type": "string", "description": "A sentence: what is wrong and what to do."}
    },
}
_IMAGE = {"schema": {"type": "string", "contentMediaType": "application/octet-stream"}}
_FORM = {
    "schema": {
        "type": "object",
        "additionalProperties": {
            "type": "array",
            "maxItems": MAX_IMAGES,
            "items": {"type": "string", "contentMediaType": "application/octet-stream"},
        },
    }
}
_REFUSALS = {
    "400": "The request cannot be read, or the run has no model.",
    "403": "The key is missing or wrong.",
    "404": "There is no such run.",
    "408": "The images did not arrive in time.",
    "413": "The request is too large.",
    "503": "Many are asking just now.",
}


def describe() -> dict[str, Any]:
    """The document that is served as `/api/openapi.json`."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "TransferLab",
            "version": "1",
            "description": "A trained run's model, asked about images. It answers as it does in the app.",
        },
        "paths": {"/api/runs/{run_id}/predict": {"post": _predict()}},
        "components": {
            "schemas": {"Answer": _ANSWER, "Answers": _ANSWERS, "Error": _ERROR},
            "securitySchemes": {
                "key": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A key from the app's page of the model, good for a day and that model; or the "
                    "operator's own, TRANSFERLAB_API_KEY.",
                }
            },
        },
    }


def _predict() -> dict[str, Any]:
    return {
        "operationId": "predict",
        "summary": "Ask a run's model about one image or several",
        "security": [{"key": []}],
        "parameters": [
            {"name": "run_id", "in": "path", "required": True, "schema": {"type": "string"}},
            {
                "name": "top",
                "in": "query",
                "description": "How many classes to name for each image.",
                "schema": {"type": "integer", "minimum": 1, "maximum": MAX_TOP, "default": 5},
            },
        ],
        "requestBody": {
            "required": True,
            "description": f"One image as it is, or a form with up to {MAX_IMAGES} files; at most "
            f"{MAX_BYTES // 2**20} MB. JPEG, PNG, WebP, BMP, GIF or TIFF.",
            "content": {
                "image/*": _IMAGE,
                "application/octet-stream": _IMAGE,
                "multipart/form-data": _FORM,
            },
        },
        "responses": {
            "200": _response("The answers, in the order of the images.", "Answers"),
            "422": _response("None of the images can be used; the answers say why.", "Answers"),
            **{status: _response(words, "Error") for status, words in _REFUSALS.items()},
        },
    }


def _response(words: str, schema: str) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
    return {"description": words, "content": content}
