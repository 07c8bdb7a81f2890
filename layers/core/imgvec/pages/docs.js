"use strict";

// Relative to the page, as all its addresses are: a proxy may have put it below a prefix that the
// server knows nothing of.
const base = new URL(".", location.href).href.replace(/\/$/, "");

fetch(`${base}/openapi.json`)
  .then((answer) => answer.json())
  .then((spec) => {
    SwaggerUIBundle({
      spec: { ...spec, servers: [{ url: base }] },
      dom_id: "#swagger-ui",
      deepLinking: true,
      tryItOutEnabled: true,
      validatorUrl: null,
    });
  });
