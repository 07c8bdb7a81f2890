import { CohereClientV2 } from 'cohere-ai'

async function embed({ address, key, asked, options }) {
  const client = new CohereClientV2({ token: key, environment: address, ...options })
  const made = await client.embed({
    model: 'embed-english-v3.0',
    inputType: asked.image ? 'image' : 'search_document',
    embeddingTypes: ['float'],
    ...(asked.image ? { images: [asked.image] } : { texts: asked.texts }),
  })
  return made.embeddings.float
}
