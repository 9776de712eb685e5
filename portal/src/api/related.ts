// What a conversation belongs to: its tags, and the conversations near it.
import { queryOptions, useMutation, useQueryClient } from '@tanstack/react-query'
import { call } from './client'

export const tagsQuery = (conversationId: string) =>
  queryOptions({
    queryKey: ['tags', conversationId],
    queryFn: () => call('GET /api/v1/conversations/{conversation_id}/tags', { path: { conversation_id: conversationId } }),
  })

/** Every memory of the tenant is compared for it: not again with each event. */
export const relatedQuery = (conversationId: string) =>
  queryOptions({
    queryKey: ['related', conversationId],
    queryFn: () => call('GET /api/v1/conversations/{conversation_id}/related', { path: { conversation_id: conversationId } }),
    refetchOnWindowFocus: false,
  })

/** All of them at once, as the gateway takes them. */
export function useTag(conversationId: string) {
  const client = useQueryClient()
  return useMutation({
    mutationFn: (tags: string[]) => call('PUT /api/v1/conversations/{conversation_id}/tags', { path: { conversation_id: conversationId }, body: { tags } }),
    onSuccess: (stored) => {
      client.setQueryData(tagsQuery(conversationId).queryKey, stored)
      // Also of the others that carry the tag.
      return client.invalidateQueries({ queryKey: ['related'] })
    },
  })
}
