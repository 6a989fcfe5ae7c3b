#include "json.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_DEPTH = 16 };

typedef struct {
  char *at, *end;
  int depth;
} Reader;

static Json* read_value(Reader* in);

static void skip_space(Reader* in) {
  while (in->at < in->end && strchr(" \n\t\r", *in->at) && *in->at) in->at++;
}

static int accept(Reader* in, char wanted) {
  skip_space(in);
  if (in->at >= in->end || *in->at != wanted) return 0;
  in->at++;
  return 1;
}

static int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c = (char)(c | 32);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* the code point of the four digits after \u, -1 when there are none */
static int read_code(Reader* in) {
  if (in->end - in->at < 4) return -1;
  int code = 0;
  for (int i = 0; i < 4; i++) {
    int digit = hex_digit(*in->at++);
    if (digit < 0) return -1;
    code = code * 16 + digit;
  }
  return code;
}

static char* write_utf8(char* out, int code) {
  if (code < 0x80) {
    *out++ = (char)code;
    return out;
  }
  int more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
  *out++ = (char)(((0xFF00 >> (more + 1)) & 0xFF) | code >> (6 * more));
  while (more--) *out++ = (char)(0x80 | (code >> (6 * more) & 63));
  return out;
}

/* after a backslash; NULL when that is no escape. What it stands for is never longer than the escape. */
static char* read_escape(Reader* in, char* out) {
  static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
  if (in->at >= in->end) return NULL;
  char c = *in->at++;
  if (c != 'u') {
    const char* found = c ? strchr(names, c) : NULL;
    if (!found) return NULL;
    *out++ = values[found - names];
    return out;
  }
  int code = read_code(in);
  if (code >= 0xD800 && code < 0xDC00) { /* half of a pair */
    if (in->end - in->at < 6 || in->at[0] != '\\' || in->at[1] != 'u') return NULL;
    in->at += 2;
    int low = read_code(in);
    if (low < 0xDC00 || low > 0xDFFF) return NULL;
    code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
  }
  return code <= 0 ? NULL : write_utf8(out, code);
}

/* decoded where it stands */
static char* read_string(Reader* in) {
  if (!accept(in, '"')) return NULL;
  char *out = in->at, *start = out;
  while (in->at < in->end && *in->at != '"') {
    char c = *in->at++;
    if (!c) return NULL;
    if (c != '\\')
      *out++ = c;
    else if (!(out = read_escape(in, out)))
      return NULL;
  }
  if (in->at >= in->end) return NULL;
  in->at++;
  *out = 0;
  return start;
}

static int append(Json* list, char* key, Json* item) {
  if ((list->count & (list->count - 1)) == 0) { /* full: its room is the next power of two */
    if (list->count >= INT_MAX / 2) return -1;
    size_t room = list->count ? (size_t)list->count * 2 : 1;
    Json** items = realloc(list->item, room * sizeof *items);
    if (!items) return -1;
    list->item = items;
    char** keys = realloc(list->key, room * sizeof *keys);
    if (!keys) return -1;
    list->key = keys;
  }
  list->key[list->count] = key;
  list->item[list->count++] = item;
  return 0;
}

static int read_items(Reader* in, Json* list, char close) {
  if (accept(in, close)) return 0;
  do {
    char* key = NULL;
    if (list->kind == JSON_OBJECT && (!(key = read_string(in)) || !accept(in, ':'))) return -1;
    Json* item = read_value(in);
    if (!item) return -1;
    if (append(list, key, item)) {
      json_free(item);
      return -1;
    }
  } while (accept(in, ','));
  return accept(in, close) ? 0 : -1;
}

static int read_integer(Reader* in, Json* value) {
  char* end;
  if (!strchr("-0123456789", *in->at)) return -1;
  value->integer = strtoll(in->at, &end, 10);
  if (end == in->at || *end == '.' || *end == 'e' || *end == 'E') return -1;
  in->at = end;
  return 0;
}

static Json* read_value(Reader* in) {
  skip_space(in);
  if (in->at >= in->end || !*in->at || in->depth >= MAX_DEPTH) return NULL;
  Json* value = calloc(1, sizeof *value);
  if (!value) return NULL;
  int failed;
  char first = *in->at;
  if (first == '"') {
    value->kind = JSON_STRING;
    failed = !(value->string = read_string(in));
  } else if (first == '[' || first == '{') {
    value->kind = first == '[' ? JSON_ARRAY : JSON_OBJECT;
    in->at++;
    in->depth++;
    failed = read_items(in, value, first == '[' ? ']' : '}');
    in->depth--;
  } else {
    value->kind = JSON_INT;
    failed = read_integer(in, value);
  }
  if (!failed) return value;
  json_free(value);
  return NULL;
}

Json* json_parse(char* text, size_t size) {
  Reader in = {text, text + size, 0};
  Json* tree = read_value(&in);
  skip_space(&in);
  if (tree && in.at == in.end) return tree;
  json_free(tree);
  return NULL;
}

void json_free(Json* tree) {
  if (!tree) return;
  for (int i = 0; i < tree->count; i++) json_free(tree->item[i]);
  free(tree->item);
  free(tree->key);
  free(tree);
}

Json* json_get(const Json* object, const char* key, JsonKind kind) {
  if (!object || object->kind != JSON_OBJECT) return NULL;
  for (int i = 0; i < object->count; i++)
    if (!strcmp(object->key[i], key)) return object->item[i]->kind == kind ? object->item[i] : NULL;
  return NULL;
}
