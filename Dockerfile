# docker build -t neo-emulator .    With another framework: --build-arg MORE=torch (or tensorflow, otel, ...; see pyproject.toml)
#
# What changes least comes first: the images of compose.yaml share all layers but their last ones, and a change of our
# sources installs nothing again.
FROM python:3.11-slim
ENV PATH=/opt/neo/bin:$PATH PYTHONDONTWRITEBYTECODE=1
# volumes that are mounted here take these owners over
RUN useradd --uid 10001 --create-home neo && mkdir /data /work && chown neo:neo /data /work && python -m venv /opt/neo
WORKDIR /src

# what the package asks for, by installing one without our code
COPY constraints.txt pyproject.toml ./
RUN mkdir -p emulator/neo_emulator workers/neo_workers workers/neo_compiler targets/neo_targets && touch README.md LICENSE \
    && pip install --no-cache-dir --constraint constraints.txt ".[trees,tflite,coreml,cuda12]"

ARG MORE=""
# where pip looks besides its default: PyTorch's index of builds for CPUs. Without it torch is refused: PyPI's brings
# gigabytes of CUDA that nothing here uses
ARG PIP_EXTRA_INDEX_URL=""
RUN [ -z "$MORE" ] || { echo cuda-toolkit==0 >no-cuda.txt \
    && pip install --no-cache-dir --constraint constraints.txt --constraint no-cuda.txt ".[$MORE]"; } \
    || { echo "for torch set PYTORCH_CPU_INDEX to the index of builds for CPUs that pytorch.org/get-started names" >&2; exit 1; }

COPY README.md LICENSE ./
COPY emulator emulator
COPY workers workers
COPY targets targets
RUN pip install --no-cache-dir --no-deps --force-reinstall .

USER neo
WORKDIR /home/neo
EXPOSE 4577
ENTRYPOINT ["neo-emulator"]
CMD ["serve", "--host", "0.0.0.0"]
