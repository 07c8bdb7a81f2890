# `imgvec serve` for a laptop or a container host; docs/how-to/container.md. AWS Lambda and SageMaker
# have images of their own: functions/embeddings/Dockerfile, infra/sagemaker/Dockerfile.
# BASE: pin it by giving it with its digest.
ARG BASE=python:3.13-slim
FROM ${BASE} AS build
WORKDIR /build
COPY layers/core/requirements.txt layers/core/subset.py ./
RUN python3 subset.py container requirements.txt >wanted.txt \
    && python3 -m pip install --no-cache-dir --disable-pip-version-check --no-deps --no-compile \
        --require-hashes --only-binary=:all: --target packages -r wanted.txt \
    && rm -rf packages/bin && find packages \( -name tests -o -name test -o -name '*.pyi' \) -prune -exec rm -rf {} +
COPY layers/core/imgvec packages/imgvec
COPY models/starter packages/imgvec/_models/starter
# Every file against its manifest, once and here; a start relies on the record that this leaves.
RUN PYTHONPATH=packages python3 -m imgvec.encoders.integrity packages/imgvec/_models/starter \
    && python3 -m compileall -q -j 0 --invalidation-mode unchecked-hash packages
COPY infra/container/imgvec infra/container/start bin/
RUN chmod 755 bin/*

FROM ${BASE}
COPY --from=build /build/packages /opt/imgvec
COPY --from=build /build/bin /usr/local/bin
# A new volume takes its owner from this folder: 65534 is Debian's nobody.
RUN mkdir /data && chown 65534:65534 /data
ENV PYTHONPATH=/opt/imgvec PYTHONDONTWRITEBYTECODE=1 IMGVEC_DATA=/data IMGVEC_MODELS=/models
USER 65534:65534
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=10s --start-period=60s CMD ["python3", "-c", \
    "from http.client import HTTPConnection as C; c = C('127.0.0.1', 8000); c.request('GET', '/ready'); exit(c.getresponse().status != 200)"]
ENTRYPOINT ["start"]
CMD ["serve", "--host", "0.0.0.0"]
