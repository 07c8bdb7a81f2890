import OpenAI from 'openai'

async function embed({ address, key, asked, options }) {
  const client = new OpenAI({ apiKey: key, baseURL: `${address}/v1`, ...options })
  const made = await client.embeddings.create(asked)
  return made.data.map((one) => one.embedding)
}
