/* A reader for the JSON that compiled_model.json is made of: integers, strings, arrays, objects. Nothing else is read:
 * no fractions, so no locale, and no true, false or null. */
#ifndef NEO_JSON_H_
#define NEO_JSON_H_
#include <stddef.h>
#include <stdint.h>

typedef enum { JSON_INT, JSON_STRING, JSON_ARRAY, JSON_OBJECT } JsonKind;

typedef struct Json {
  JsonKind kind;
  int count;          /* of items */
  int64_t integer;    /* JSON_INT */
  char* string;       /* JSON_STRING: UTF-8, ends with 0 */
  struct Json** item; /* JSON_ARRAY, JSON_OBJECT */
  char** key;         /* JSON_OBJECT */
} Json;

/* `text` (size bytes and a 0 after them) is changed and must outlive the tree. NULL when it is not such JSON. */
Json* json_parse(char* text, size_t size);
void json_free(Json* tree);
/* the member `key` of an object when it is of that kind, else NULL */
Json* json_get(const Json* object, const char* key, JsonKind kind);
#endif
