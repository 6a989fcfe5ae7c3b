// Compiles an ONNX model for ml_c5 with the AWS SDK for JavaScript v3: node compile.mjs model.onnx
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { basename, dirname } from "node:path";
import { CreateBucketCommand, GetObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { CreateCompilationJobCommand, DescribeCompilationJobCommand, SageMakerClient } from "@aws-sdk/client-sagemaker";

const model = process.argv[2];
const name = basename(model, ".onnx");
const Bucket = "javascript-example";
const s3 = new S3Client({ forcePathStyle: true }); // a local endpoint has no host name for each bucket
const sagemaker = new SageMakerClient({});

execFileSync("tar", ["-czf", `${name}.tar.gz`, "-C", dirname(model), basename(model)]);
await s3.send(new CreateBucketCommand({ Bucket }));
await s3.send(new PutObjectCommand({ Bucket, Key: `${name}.tar.gz`, Body: readFileSync(`${name}.tar.gz`) }));

await sagemaker.send(
  new CreateCompilationJobCommand({
    CompilationJobName: `js-${name}`,
    RoleArn: "arn:aws:iam::123456789012:role/neo",
    InputConfig: { S3Uri: `s3://${Bucket}/${name}.tar.gz`, Framework: "ONNX" },
    OutputConfig: { S3OutputLocation: `s3://${Bucket}/compiled`, TargetDevice: "ml_c5" },
    StoppingCondition: { MaxRuntimeInSeconds: 900 },
  }),
);
let job;
do {
  await new Promise((done) => setTimeout(done, 500));
  job = await sagemaker.send(new DescribeCompilationJobCommand({ CompilationJobName: `js-${name}` }));
} while (["STARTING", "INPROGRESS"].includes(job.CompilationJobStatus));
if (job.CompilationJobStatus !== "COMPLETED") throw new Error(job.FailureReason);

const Key = job.ModelArtifacts.S3ModelArtifacts.replace(`s3://${Bucket}/`, "");
const artifact = await s3.send(new GetObjectCommand({ Bucket, Key }));
writeFileSync(basename(Key), await artifact.Body.transformToByteArray());
console.log(basename(Key));
