// AWS SDK for JavaScript v3: it checks nothing on the client side, so every refusal is the server's.
import assert from "node:assert/strict";
import { GetObjectCommand, S3Client } from "@aws-sdk/client-s3";
import * as sm from "@aws-sdk/client-sagemaker";

const endpoint = process.env.AWS_ENDPOINT_URL;
const options = { endpoint, region: "us-east-1", credentials: { accessKeyId: "test", secretAccessKey: "test" } };
const client = new sm.SageMakerClient(options);
const s3 = new S3Client({ ...options, forcePathStyle: true });
const control = async (page, members) =>
  assert.equal((await fetch(`${endpoint}/_neo/${page}`, { method: "POST", body: JSON.stringify(members) })).status, 200);
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
const request = (name, changes = {}) => ({
  CompilationJobName: name,
  RoleArn: "arn:aws:iam::123456789012:role/neo",
  InputConfig: { S3Uri: "s3://neo/conv.tar.gz", Framework: "ONNX", DataInputConfig: '{"data": [1, 3, 32, 32]}' },
  OutputConfig: { S3OutputLocation: "s3://neo/js", TargetDevice: "ml_c5" },
  StoppingCondition: { MaxRuntimeInSeconds: 300 },
  ...changes,
});
const describe = (name) => client.send(new sm.DescribeCompilationJobCommand({ CompilationJobName: name }));
async function ended(name) {
  for (;;) {
    const job = await describe(name);
    if (["COMPLETED", "FAILED", "STOPPED"].includes(job.CompilationJobStatus)) return job;
    await sleep(100);
  }
}

const tags = [{ Key: "team", Value: "js" }];
const { CompilationJobArn: arn } = await client.send(new sm.CreateCompilationJobCommand({ ...request("js-good"), Tags: tags }));
const job = await ended("js-good");
assert.equal(job.CompilationJobStatus, "COMPLETED", job.FailureReason);
assert.ok(job.CreationTime instanceof Date && job.CreationTime <= job.CompilationEndTime);
const [bucket, ...key] = job.ModelArtifacts.S3ModelArtifacts.replace("s3://", "").split("/");
const object = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: key.join("/") }));
assert.equal((await object.Body.transformToByteArray())[0], 0x1f);
assert.deepEqual((await client.send(new sm.ListTagsCommand({ ResourceArn: arn }))).Tags, tags);

const refused = async (command, name) => assert.rejects(client.send(command), (error) => error.name === name && error.$metadata.httpStatusCode === 400);
await refused(new sm.CreateCompilationJobCommand({ CompilationJobName: "js-x" }), "ValidationException");
await refused(new sm.CreateCompilationJobCommand(request("a_b")), "ValidationException");
await refused(new sm.CreateCompilationJobCommand(request("js-good")), "ResourceInUse");
await refused(new sm.DescribeCompilationJobCommand({ CompilationJobName: "nobody" }), "ResourceNotFound");
await refused(new sm.StopCompilationJobCommand({ CompilationJobName: "js-good" }), "ValidationException");
assert.ok(await describe("nobody").catch((error) => error instanceof sm.ResourceNotFound));

await control("faults", { reason: "ServerError: planned" });
await client.send(new sm.CreateCompilationJobCommand(request("js-fault")));
assert.equal((await ended("js-fault")).FailureReason, "ServerError: planned");

await control("pace", { min_run_seconds: 60 });
await client.send(new sm.CreateCompilationJobCommand(request("js-held")));
await client.send(new sm.StopCompilationJobCommand({ CompilationJobName: "js-held" }));
assert.equal((await ended("js-held")).CompilationJobStatus, "STOPPED");
await control("pace", { min_run_seconds: 0 });

const names = [];
const query = { NameContains: "js-", SortBy: "Name", SortOrder: "Descending" };
for await (const page of sm.paginateListCompilationJobs({ client, pageSize: 2 }, query))
  names.push(...page.CompilationJobSummaries.map((row) => row.CompilationJobName));
assert.deepEqual(names, ["js-held", "js-good", "js-fault"]);
await client.send(new sm.DeleteCompilationJobCommand({ CompilationJobName: "js-held" }));
await refused(new sm.DescribeCompilationJobCommand({ CompilationJobName: "js-held" }), "ResourceNotFound");
console.log("ok");
