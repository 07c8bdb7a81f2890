// The vendors' requests. `body` gets the image as the vendor wants it written (`written`: bare
// base64 or a data URI), or its URL. No DOM in here: tests read this module in Node.

const bearer = { header: "Authorization", before: "Bearer " };

export const DIALECTS = [
  {
    id: "jina",
    name: "Jina",
    dimensions: [512, 768, 1024],
    path: () => "/v1/embeddings",
    key: bearer,
    written: "base64",
    body: (image, dimensions) => ({ model: "jina-clip-v2", dimensions, input: [{ image }] }),
    vector: (answer) => answer.data[0].embedding,
  },
  {
    id: "openai",
    name: "OpenAI",
    dimensions: [512, 768, 1024],
    path: () => "/v1/embeddings",
    key: bearer,
    written: "data",
    // A plain string is a text, unless it is a data URI.
    body: (image, dimensions) => ({
      model: "text-embedding-3-small",
      dimensions,
      input: [/^https?:/i.test(image) ? { image } : image],
    }),
    vector: (answer) => answer.data[0].embedding,
    client: {
      name: "openai",
      imports: "from openai import OpenAI",
      make: (root) => `OpenAI(base_url="${root}/v1", api_key=os.environ["KEY"])`,
      call: (_, keywords) => `client.embeddings.create(${keywords})`,
      read: "answer.data[0].embedding",
    },
  },
  {
    id: "voyage",
    name: "Voyage",
    dimensions: [1024, 512],
    path: () => "/voyage/v1/multimodalembeddings",
    key: bearer,
    written: "data",
    body: (image, dimensions) => ({
      model: "voyage-multimodal-3.5",
      output_dimension: dimensions,
      inputs: [{ content: [voyagePart(image)] }],
    }),
    vector: (answer) => answer.data[0].embedding,
    client: {
      name: "voyageai",
      imports: "import voyageai",
      make: (root) => `voyageai.Client(os.environ["KEY"], base_url="${root}/voyage/v1")`,
      call: (_, keywords) => `client.multimodal_embed(${keywords})`,
      read: "answer.embeddings[0]",
    },
  },
  {
    id: "cohere",
    name: "Cohere",
    dimensions: [512, 1024],
    path: () => "/v2/embed",
    key: bearer,
    written: "data",
    body: (image, dimensions) => ({
      model: "embed-v4.0",
      output_dimension: dimensions,
      images: [image],
      input_type: "image",
      embedding_types: ["float"],
    }),
    vector: (answer) => answer.embeddings.float[0],
    client: {
      name: "cohere",
      imports: "import cohere",
      make: (root) => `cohere.ClientV2(os.environ["KEY"], base_url="${root}")`,
      call: (_, keywords) => `client.embed(${keywords})`,
      read: "answer.embeddings.float_[0]",
    },
  },
  {
    id: "bedrock",
    name: "Amazon Bedrock (Titan)",
    dimensions: [1024],
    path: () => "/bedrock/model/amazon.titan-embed-image-v1/invoke",
    key: bearer,
    written: "base64",
    body: (image, dimensions) => ({
      inputImage: image,
      embeddingConfig: { outputEmbeddingLength: dimensions },
    }),
    vector: (answer) => answer.embedding,
    client: {
      name: "boto3",
      standard: "import json",
      imports: "import boto3",
      make: (root) => `boto3.client(
    "bedrock-runtime",
    region_name="us-east-1",
    endpoint_url="${root}/bedrock",
    aws_access_key_id="imgvec",
    aws_secret_access_key="unused",
    aws_session_token=os.environ["KEY"],
)`,
      call: (body) => `client.invoke_model(
    modelId="amazon.titan-embed-image-v1",
    body=json.dumps(${body}),
)`,
      read: 'json.loads(answer["body"].read())["embedding"]',
    },
  },
  {
    id: "weaviate",
    name: "Weaviate (multi2vec-clip)",
    dimensions: [512, 768, 1024],
    path: (dimensions) => `/weaviate/${dimensions}/vectorize`,
    key: bearer,
    written: "base64",
    body: (image) => ({ images: [image] }),
    vector: (answer) => answer.imageVectors[0],
  },
  {
    id: "coreviz",
    name: "CoreViz",
    dimensions: [768],
    path: () => "/api/ai/embeddings",
    key: { header: "x-api-key", before: "" },
    written: "data",
    body: (image) => ({ image, model: "default" }),
    vector: (answer) => answer.embedding,
  },
  {
    id: "pixlab",
    name: "PixLab",
    dimensions: [512, 1024],
    path: () => "/imgembed",
    key: { field: "key" },
    upload: "file",
    body: (image, dimensions) => (image === undefined
      ? { dimension: dimensions }
      : { dimension: dimensions, img: image }),
    vector: (answer) => answer.embedding,
  },
  {
    id: "pixlab-llm",
    name: "PixLab LLM",
    dimensions: [512, 1024],
    path: () => "/llmimgembed",
    key: { field: "key" },
    written: "base64",
    body: (image, dimensions) => ({ img: image, dimension: dimensions }),
    vector: (answer) => answer.embedding,
  },
  {
    id: "memories",
    name: "memories.ai",
    dimensions: [512, 1024],
    path: () => "/serve/api/v2/embeddings/image",
    key: { header: "Authorization", before: "" },
    upload: "file",
    body: (image, dimensions) => ({
      model: dimensions === 512 ? "mobileclip" : "multimodalembedding@001",
      ...(image === undefined ? {} : { image_url: image }),
    }),
    vector: (answer) => answer.data.embedding,
  },
];

function voyagePart(image) {
  return /^https?:/i.test(image)
    ? { type: "image_url", image_url: image }
    : { type: "image_base64", image_base64: image };
}

// Leaves the dialects and dimensions that a server of these dimensions answers.
export function leave(served) {
  for (const one of DIALECTS) one.dimensions = one.dimensions.filter((many) => served.includes(many));
  DIALECTS.splice(0, DIALECTS.length, ...DIALECTS.filter((one) => one.dimensions.length > 0));
}

// The dimensions that a dialect has; its own where it lacks those that are wished for.
export function dimensionsOf(dialect, wished) {
  return dialect.dimensions.includes(wished) ? wished : dialect.dimensions[0];
}
