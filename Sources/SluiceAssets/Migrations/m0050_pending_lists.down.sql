ALTER INDEX chunk_terms_idx RESET (gin_pending_list_limit);
ALTER INDEX word_grams_idx RESET (gin_pending_list_limit);
ALTER INDEX document_facets_idx RESET (gin_pending_list_limit);
