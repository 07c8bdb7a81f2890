// Follows a client's own `embed`: calls it as CALL says, and prints its vectors or its error.
const name = (error) => (error.name === 'Error' ? error.constructor.name : error.name)
const status = (error) => error.status ?? error.statusCode ?? error.$metadata?.httpStatusCode
try {
  console.log(JSON.stringify({ vectors: await embed(JSON.parse(process.env.CALL)) }))
} catch (error) {
  const last = error.lastError ?? error
  console.log(JSON.stringify({ error: name(error), status: status(last), message: last.message }))
}
