import { BedrockRuntimeClient, InvokeModelCommand } from '@aws-sdk/client-bedrock-runtime'
import { NodeHttpHandler } from '@smithy/node-http-handler'

async function embed({ address, key, asked, options }) {
  const client = new BedrockRuntimeClient({
    region: 'us-east-1',
    endpoint: `${address}/bedrock`,
    credentials: { accessKeyId: 'imgvec', secretAccessKey: 'unused', sessionToken: key },
    // By default the client speaks HTTP/2, which `imgvec serve` does not.
    ...(options.http2 ? {} : { requestHandler: new NodeHttpHandler() }),
  })
  const body = asked.image
    ? { images: [asked.image], input_type: 'image' }
    : { texts: asked.texts, input_type: 'search_document' }
  const command = new InvokeModelCommand({
    modelId: 'cohere.embed-english-v3',
    body: JSON.stringify(body),
  })
  const made = await client.send(command)
  return JSON.parse(new TextDecoder().decode(made.body)).embeddings
}
