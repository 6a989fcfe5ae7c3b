# docker build -t neo-emulator .    More frameworks: --build-arg EXTRAS=torch (or tensorflow, otel, ...; see pyproject.toml)
FROM python:3.11-slim AS build
ARG EXTRAS=""
# where pip looks besides its default, such as PyTorch's index of builds for CPUs
ARG PIP_EXTRA_INDEX_URL=""
WORKDIR /src
RUN python -m venv /opt/neo
COPY constraints.txt pyproject.toml README.md CHANGELOG.md LICENSE ./
COPY emulator emulator
COPY workers workers
COPY targets targets
RUN /opt/neo/bin/pip install --no-cache-dir --constraint constraints.txt ".${EXTRAS:+[$EXTRAS]}"

FROM python:3.11-slim
COPY --from=build /opt/neo /opt/neo
ENV PATH=/opt/neo/bin:$PATH PYTHONDONTWRITEBYTECODE=1
# volumes that are mounted here take these owners over
RUN useradd --uid 10001 --create-home neo && mkdir /data /work && chown neo:neo /data /work
USER neo
WORKDIR /home/neo
EXPOSE 4577
ENTRYPOINT ["neo-emulator"]
CMD ["serve", "--host", "0.0.0.0"]
