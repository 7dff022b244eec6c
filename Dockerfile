# docker build -t transferlab .
# For one person:  docker run -p 127.0.0.1:8501:8501 -e TRANSFERLAB_ALLOW_OPEN=1 -v transferlab:/data transferlab
# For a class:     docker run -p 8501:8501 -e TRANSFERLAB_ACCESS=classroom -e TRANSFERLAB_HOSTS=NAME \
#                  -v transferlab:/data transferlab    with the name or address of this machine for NAME
FROM python:3.12-slim

RUN apt-get update && apt-get install -y --no-install-recommends make && rm -rf /var/lib/apt/lists/*
RUN useradd --create-home transferlab && mkdir /app /data && chown transferlab /app /data
USER transferlab
WORKDIR /app
ENV PIP_NO_CACHE_DIR=1 PYTHONUNBUFFERED=1

# The large downloads first and by themselves: a change of the code does not repeat them.
COPY --chown=transferlab Makefile requirements.txt ./
RUN make requirements

COPY --chown=transferlab pyproject.toml README.md LICENSE app.py ./
COPY --chown=transferlab .streamlit .streamlit
COPY --chown=transferlab assets assets
COPY --chown=transferlab pages pages
COPY --chown=transferlab tl_core tl_core
COPY --chown=transferlab tl_ui tl_ui
RUN make setup

ENV TRANSFERLAB_HOME=/data ADDRESS=0.0.0.0 PORT=8501
VOLUME /data
EXPOSE 8501
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD [".venv/bin/python", "-c", "from ssl import _create_unverified_context as any\nfrom urllib.request import urlopen\ntry: urlopen('http://localhost:8501/healthz')\nexcept OSError: urlopen('https://localhost:8501/healthz', context=any())"]
CMD ["make", "app"]
