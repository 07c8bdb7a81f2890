// Embeds a photo with the types that openapi-typescript makes of openapi.json, through openapi-fetch.
import createClient from 'openapi-fetch'
import type { paths } from './schema.js'

declare const process: { env: { CALL: string } }
declare const console: { log(text: string): void }

type Vector = number[] | string
const { address, key, uri }: { address: string; key: string; uri: string } = JSON.parse(
  process.env.CALL,
)
const client = createClient<paths>({
  baseUrl: address,
  headers: { Authorization: `Bearer ${key}` },
})

const coreviz = await client.POST('/api/ai/embeddings', { body: { image: uri } })
const openai = await client.POST('/v1/embeddings', {
  body: { model: 'starter', input: [{ image: uri }] },
})
const cohere = await client.POST('/v2/embed', {
  body: { model: 'embed-english-v3.0', images: [uri] },
})
const bedrock = await client.POST('/bedrock/model/amazon.titan-embed-image-v1/invoke', {
  body: { inputImage: uri },
})
const weaviate = await client.POST('/weaviate/512/vectorize', { body: { images: [uri] } })
const pixlab = await client.POST('/imgembed', { body: { img: uri, key } })
const memories = await client.POST('/serve/api/v2/embeddings/text', {
  body: { model: 'multimodalembedding@001', input: 'a cat' },
})
const bad = await client.POST('/v1/embeddings', { body: { model: 'no-such-model', input: 'a cat' } })

const found: Record<string, Vector | Vector[] | undefined> = {
  coreviz: coreviz.data?.embedding,
  openai: openai.data?.data[0]?.embedding,
  cohere: cohere.data?.embeddings.float?.[0],
  bedrock: bedrock.data?.embedding,
  weaviate: weaviate.data?.imageVectors[0],
  pixlab: pixlab.data?.embedding as Vector | undefined,
  memories: memories.data?.data[0]?.embedding,
}
console.log(JSON.stringify({ found, problem: bad.error?.error.code }))
