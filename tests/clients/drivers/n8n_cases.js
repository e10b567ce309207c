"use strict";
// Every operation of the node, once for each thing that it can be asked to do, with parameters made from its own
// description: what a person would see on the form, filled in.

const NUMBER = "5511988887777";
const WORDS = {
  remoteJid: `${NUMBER}@s.whatsapp.net`, number: NUMBER, numbers: NUMBER, participants: NUMBER, mentioned: NUMBER,
  statusJidList: NUMBER, groupJid: "120363000000000001@g.us", messageId: "3EB0AAAAAAAAAAAAAAAAAA", inviteCode: "AbCdEf",
  media: "https://media.example/a.png", content: "https://media.example/a.png", type: "text", reaction: "👍",
  fullName: "Ana", phoneNumber: NUMBER, wuid: NUMBER, keyType: "random", key: "chave", token: "", proxyPort: "8080",
};
// What the node reads and its own form does not ask for, or calls by another name: with 1.0.4 nobody can create a bot of
// Dify or Flowise, nor see Flowise at all. Its requests are tried all the same.
const UNASKED = { apiKey: "chave", botType: "chatBot", ignoreJids: "" };
const FORMS = { "flowise-bot": "flowiseBot" };
const UNABLE = new Set(["changeStatusDify"]);
const CHOICES = /^(resourceFor\w+|searchMethod)$/;

function filled(property) {
  if (property.name in WORDS && property.type === "string") return WORDS[property.name];
  switch (property.type) {
    case "string": return property.default || (/url/i.test(property.name) ? "https://app.example/x" : "pão");
    case "number": return property.default ?? 1;
    case "options": return property.default || property.options[0]?.value;
    case "multiOptions": return property.options.slice(0, 2).map((one) => one.value);
    case "fixedCollection": return Object.fromEntries(property.options.map((one) => [one.name, entry(property, one)]));
    case "collection": return {};
    default: return property.default;
  }
}

function entry(property, option) {
  const values = Object.fromEntries(option.values.map((one) => [one.name, filled(one)]));
  if (!property.typeOptions?.multipleValues) return values;
  // Two of each: a poll with one answer is none.
  const second = Object.entries(values).map(([name, held]) => [name, held === "pão" ? "pão de queijo" : held]);
  return [values, Object.fromEntries(second)];
}

// A later property may be shown only because of an earlier one, so they are filled in order until nothing is new.
function form(properties, shown, given) {
  for (let before = -1; before !== Object.keys(given).length; ) {
    before = Object.keys(given).length;
    for (const one of properties) if (!(one.name in given) && shown(one, given)) given[one.name] = filled(one);
  }
  return given;
}

function cases(properties, functions, shown) {
  const all = [];
  for (const [resource, operations] of Object.entries(functions)) {
    for (const operation of Object.keys(operations)) {
      const start = { resource, operation: FORMS[operation] ?? operation };
      const choice = properties.find((one) => CHOICES.test(one.name) && shown(one, start));
      const ways = choice ? choice.options.map((one) => ({ [choice.name]: one.value })) : [{}];
      for (const way of ways) {
        if (Object.values(way).some((word) => UNABLE.has(word))) continue;
        const given = form(properties, shown, { ...start, ...way });
        const name = [resource, operation, ...Object.values(way)].join(" ");
        all.push({ name, resource, operation, given: { ...UNASKED, ...given, operation } });
      }
    }
  }
  return all;
}

module.exports = { cases };
